"""The design of a study: language orders, cells and runs."""
