"""Data sets: records, downloads, tables, language subsets, token arrays, translation, leakage audit."""
