"""Instance detectors: `training.fit` on composites, `detecting.load_detector` to detect in images.

A new detector is one new file with a `Backend` and one line in `backends`.
"""
