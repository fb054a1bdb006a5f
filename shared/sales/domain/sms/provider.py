"""Which addresses and keys of the provider may be used; checked when a function starts, and by `make doctor`."""

from urllib.parse import urlsplit

from sales.domain.characters import is_visible_ascii

__all__ = ["can_be_key", "check_endpoint"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})


def check_endpoint(endpoint: str) -> None:
    """Raise ValueError unless the API key may be sent there: over https, or to this machine.

    An empty endpoint passes: it means Africa's Talking itself.
    """
    address = urlsplit(endpoint)
    is_here = address.scheme == "http" and address.hostname in _LOOPBACK
    if endpoint and not (address.hostname and (address.scheme == "https" or is_here)):
        raise ValueError("the SMS endpoint must be https, or on this machine")


def can_be_key(text: str) -> bool:
    """Tell whether this can be sent as the header with the API key: visible ASCII characters, and at least one.

    A zero-width space or a curly quote pasted along with the key cannot be sent, so the key is certainly wrong.
    """
    return is_visible_ascii(text)
