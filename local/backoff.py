"""How long to wait before trying again, for every part of the local system."""

__all__ = ["backoff"]


def backoff(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait after this many failures in a row: `first`, then doubling up to `longest`."""
    return min(first * 2.0 ** min(failures - 1, 30), longest)
