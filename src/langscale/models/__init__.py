"""Encoders: records, bundled weights, what a folder declares, checks, and the tower itself."""
