"""Errors that speak to the user: where, what was found, what would be right, on one line."""


class UserError(ValueError):
    """A mistake that the user can mend: a config key, a file, a missing download. Shown without a traceback."""
