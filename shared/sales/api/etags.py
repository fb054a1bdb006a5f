"""Conditional requests: ETags, If-Match and If-None-Match (RFC 9110, 8.8.3 and 13.1)."""

import re

__all__ = ["MOST_ETAGS", "is_current", "versions"]

# DynamoDB accepts at most 100 values for IN, and the store checks a change against all of them.
MOST_ETAGS = 100
_ENTITY_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
# A list may have empty elements (RFC 9110, 5.6.1).
_ENTITY_TAGS = rf"[ \t]*(?:,[ \t]*)*{_ENTITY_TAG}(?:[ \t]*,(?:[ \t]*{_ENTITY_TAG})?)*[ \t]*"
_VERSION = "[1-9][0-9]{0,17}"


def versions(if_match: str) -> frozenset[int]:
    """Return the versions that an If-Match header names.

    Weak ETags (RFC 9110, 13.1.1) and ETags that are not versions match nothing, so they are left out. Raise ValueError
    unless the header lists 1 to MOST_ETAGS ETags.
    """
    etags = _entity_tags(if_match)
    if not 1 <= len(etags) <= MOST_ETAGS:
        raise ValueError(f"{len(etags)} ETags")
    return frozenset(int(opaque) for weak, opaque in etags if not weak and re.fullmatch(_VERSION, opaque))


def is_current(if_none_match: str, etag: str) -> bool:
    """Return whether an If-None-Match header names this ETag.

    The comparison is weak (RFC 9110, 13.1.2): a proxy may have weakened our ETag.
    """
    return if_none_match.strip() == "*" or etag[1:-1] in (opaque for _, opaque in _entity_tags(if_none_match))


def _entity_tags(header: str) -> list[tuple[bool, str]]:
    """Return each ETag of a list as (weak, opaque tag); an empty list if the header is malformed."""
    if not re.fullmatch(_ENTITY_TAGS, header):
        return []
    return [(bool(weak), opaque) for weak, opaque in re.findall(_ENTITY_TAG, header)]
