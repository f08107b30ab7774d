"""Claims: the records, their tests and the ledger of verdicts."""
