"""Errors for the user: where, what was found, what would be right, on one line."""


class UserError(ValueError):
    """A mistake that the user can correct, such as a wrong config key. Shown without a traceback."""
