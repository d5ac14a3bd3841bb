"""F-EM: which segment of an image is the object of a class, from image-level labels alone (EM-Paste §3.1)."""
