"""The multi-label image classifier, trained on image-level labels alone, and its class activation maps."""
