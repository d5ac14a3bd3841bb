"""``empaste init``: a project folder for one's own data, its parameters chosen from the data and the machine."""
