"""``empaste inspect``: what of a data set should be looked at before a run, in a table and a page."""
