"""Confidence intervals, tests and the CSV tables of a study."""
