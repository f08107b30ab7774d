"""Claims: the records, their tests and the table of verdicts."""
