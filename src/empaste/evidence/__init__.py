"""What an image itself says of its segments: which of them, in its place, makes the classifier see a class."""
