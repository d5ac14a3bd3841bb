"""EM-Paste: instance segmentation learned from image-level labels alone."""
