"""Evaluation sets: one file per family, each with `build(languages, questions, raw)`."""
