"""An encoder of the hub."""

from langscale.models.known import KnownEncoder

TINY = KnownEncoder(
    "extension/tiny",
    "0123456789abcdef0123456789abcdef01234567",
    "MIT",
    layers=2,
    hidden=32,
    intermediate=64,
    vocabulary=300,
    query_prefix="find: ",
)
