"""One strict schema per table, in a file per stage that writes them; checked on the way out and on the way in.

Keys are ``image_id``, ``segment_id`` and ``class_id`` everywhere. Ids are the data set's own where it has some (COCO),
else counted from 1. Pixel coordinates have their origin at the upper left corner of the image.
"""
