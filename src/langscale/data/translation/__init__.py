"""Machine translation of the languages that a training set lacks."""
