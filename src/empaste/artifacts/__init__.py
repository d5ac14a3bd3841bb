"""What one stage writes and others read: tables, arrays, COCO files, the trained classifier."""
