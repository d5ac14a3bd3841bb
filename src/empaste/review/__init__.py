"""A local page on which a person judges foregrounds, mends their masks and corrects labels: ``empaste review``."""
