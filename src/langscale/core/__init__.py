"""Errors, files, arrays, CSV tables and named random streams. Every package may import them."""
