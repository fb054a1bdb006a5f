"""Which addresses of an Okta organisation can be an issuer of our tokens, found before anything is asked."""

import re
from urllib.parse import urlsplit

__all__ = ["DomainError", "is_loopback", "issuer_fault", "organisation"]

# Okta's own domains; an organisation may have one of its own instead.
_OKTA = re.compile(r"\.(?:okta|oktapreview|okta-emea|okta-gov|okta-miltest|trexcloud)\.com$|\.okta\.mil$")
_ADMIN = "-admin"
_SERVER = "https://<domain>/oauth2/<id>"


class DomainError(ValueError):
    """The text names no Okta organisation; the message says what to enter."""


def is_loopback(url: str) -> bool:
    """Return whether the address is on this machine, as in tests and trials."""
    return re.match(r"http://(127\.0\.0\.1|localhost)[:/]", f"{url}/") is not None


def issuer_fault(url: str) -> tuple[str, str] | None:
    """Return why an Okta address can never issue our tokens, and what to do; None if it may.

    The rest of an issuer's shape is the template's to say (OktaIssuer).
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if not _OKTA.search(host):
        return None
    if _is_admin(host):
        return f"{url} is the address of the administrators' pages", "Remove -admin from it."
    path = parts.path.rstrip("/")
    if path in {"", "/oauth2"} or re.match(r"/oauth2/v1(/|$)", path):
        return (
            f"{url} is the organisation's own server, whose access tokens are for Okta's own API",
            f"Use a custom authorization server: {_SERVER}.",
        )
    endpoint = re.match(r"(/oauth2/[^/]+)/(?:v1|\.well-known)(?:/|$)", path)
    if endpoint:
        return f"{url} is an endpoint of the server", f"Use its issuer: {parts.scheme}://{host}{endpoint[1]}."
    if path != parts.path:
        # Issuers are compared exactly, and those of other providers may end in a slash.
        return f"Okta writes {url} without a slash at the end", f"Use {url.rstrip('/')}."
    return None


def organisation(text: str) -> str:
    """Return the address of the organisation that a person named by its domain or any address in it.

    Raise `DomainError` for the administrators' domain and for text that is not a domain.
    """
    text = text.strip()
    if is_loopback(text):
        return text.rstrip("/")
    parts = urlsplit(text if "//" in text else f"https://{text}")
    host = (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError:
        port = 0
    label = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    if parts.scheme != "https" or parts.username or port is not None or not re.fullmatch(rf"({label}\.)+{label}", host):
        raise DomainError(f"{text!r} is no domain of an Okta organisation. It looks like example.okta.com.")
    if _is_admin(host):
        right = host.replace(f"{_ADMIN}.", ".", 1)
        raise DomainError(f"{host} is the address of the administrators' pages. Use {right}.")
    return f"https://{host}"


def _is_admin(host: str) -> bool:
    return bool(_OKTA.search(host)) and host.split(".", 1)[0].endswith(_ADMIN)
