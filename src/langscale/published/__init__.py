"""Published figures and trainings."""
