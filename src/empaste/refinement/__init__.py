"""Foregrounds drawn anew by a segmentation network that learned from them: beyond the papers.

F-EM's M-step by a network in place of a Gaussian, its E-step by the network's maps in place of a choice among segments.
A round has three steps. The images are dealt into folds, and for each fold a network learns the foregrounds of the
other folds (`training`). It looks at the images of its fold (`inference`) and gives, for each class of their labels, a
map of how surely every pixel shows it (`segmenter`). A random walk that stops at the image's edges turns each map into
masks (`edges.walk`, `pieces`), which the next round learns from.

Wrong choices differ from image to image, so the network does not learn them; and its masks are no unions of segments.
"""
