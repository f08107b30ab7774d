"""Errors for the user, on one line: the place, the found value, the right value."""


class UserError(ValueError):
    """A mistake that the user can correct, such as a wrong config key. Shown without a traceback."""
