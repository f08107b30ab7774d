"""Data sets of the user's own, from files that the config names."""
