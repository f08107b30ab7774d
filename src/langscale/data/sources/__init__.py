"""Training data: one file per family of data sets.

A reader has `files(languages)`, the registry's entries to download, and `build(part, languages, raw, pairs,
seed)`, the tables of pairs and passages of one part.
"""
