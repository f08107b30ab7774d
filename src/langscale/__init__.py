"""How the number of training languages changes multilingual dense retrieval."""
