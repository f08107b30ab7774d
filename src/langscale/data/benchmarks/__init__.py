"""Evaluation sets: one file per family, with its records and its reader."""
