"""EM-Paste: instance segmentation learned from image-level labels alone."""

import os

MAX_PIXELS = 250_000_000
"""Pixels of the largest image that is decoded; the header tells before anything is."""

# OpenCV reads it once, when it is imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
