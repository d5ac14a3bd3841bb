"""Maps that follow an image's edges: its learned contours (`contours`), and a walk that stops there (`walk`)."""
