"""Machine translation into the missing languages of a training set."""
