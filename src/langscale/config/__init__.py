"""The typed config: its models, the reading of its files, and its errors."""
