"""Costs of a study before it runs, and checks of the study against the registry."""
