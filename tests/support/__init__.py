"""Helpers of the tests: slow references, planted studies, toy models, raw files and a server."""
