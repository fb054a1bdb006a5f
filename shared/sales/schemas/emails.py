"""The one reader of e-mail addresses, in bodies and filters."""

import re

__all__ = ["EMAIL_PATTERN", "LONGEST_EMAIL", "read_email"]

LONGEST_EMAIL = 254
# Deliberately modest (the WHATWG's pattern): only a mail can tell whether the address works.
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
_BLANKS = r"[^\S\x1c-\x1f]*"
_EMAIL = re.compile(f"{_BLANKS}({_ADDRESS}){_BLANKS}")
# The addresses that `read_email` accepts, for the contract (ECMA 262); a property test compares the two.
EMAIL_PATTERN = f"^{_BLANKS}{_ADDRESS}{_BLANKS}$"


def read_email(text: str) -> str:
    """Return the address without the blanks around it. Raise ValueError, with a sentence for the person who wrote it."""
    found = _EMAIL.fullmatch(text)
    if not found:
        raise ValueError("must be an e-mail address, such as name@example.com")
    if len(found[1]) > LONGEST_EMAIL:
        raise ValueError(f"must have at most {LONGEST_EMAIL} characters")
    return found[1]
