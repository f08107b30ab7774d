"""Embedding, exact search, ranks and the measures of retrieval and language bias."""
