"""Maps that follow an image's edges: where its outlines are (`outlines`), and a walk that stops there (`walk`)."""
