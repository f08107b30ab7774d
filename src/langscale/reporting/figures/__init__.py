"""One module per kind of figure, over a common style."""
