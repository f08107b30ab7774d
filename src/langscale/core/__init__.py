"""Errors, files, arrays, CSV tables and named random streams: what every package may import."""
