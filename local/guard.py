"""Keeps the pages of other sites away from the local system. Every listener asks it about each request.

Listening on loopback keeps other machines out, but any page in this machine's browsers can send requests to loopback, and a
page whose name its owner points at 127.0.0.1 can even read the answers (DNS rebinding). Browsers say in headers that
pages cannot forge where a request comes from and which name it was sent to:

- `Host`, and the authority of an absolute target, must be localhost, 127.0.0.1 or [::1] with the listener's own port.
- `Origin` must be one of the system's own ports under localhost or 127.0.0.1. A browser sends it with each request whose
  answer a page of another origin could read, and with each one that could change something.
- Without `Origin`, `Sec-Fetch-Site` must say `same-origin` or `none` (a person typed the address).
- A navigation of a whole tab by GET may come from anywhere if it leads to a page: a link, or the way back from the issuer. One
  of a frame may come from another port of this machine: the console signs in again in one. The pages' own policy decides who
  may show them.

Other programs send neither `Origin` nor `Sec-Fetch-Site`, and `Host` alone decides about them.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import cache

from aiohttp import web

__all__ = ["Guard", "any_path", "no_path"]

_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_ORIGIN_HOSTS = ("localhost", "127.0.0.1")
_OTHER_SITE = "A page of another site may not use this."

type Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def any_path(_: str) -> bool:
    """Whether a link on another site may lead to this path: always."""
    return True


def no_path(_: str) -> bool:
    """Whether a link on another site may lead to this path: never."""
    return False


class Guard:
    """The check of one listener. `ports` are those of the system whose pages may call it, beside its own.

    `is_page` says which paths a link on another site may lead to.
    """

    def __init__(self, ports: Collection[int] = (), is_page: Callable[[str], bool] = no_path) -> None:
        self._ports = frozenset(ports)
        self._is_page = is_page
        # A listener may get its port from the kernel, so its names are worked out at its first request.
        self._names = cache(self._names_at)

    def _names_at(self, port: int) -> tuple[frozenset[str], frozenset[str]]:
        hosts = frozenset(f"{host}:{port}" for host in _HOSTS)
        return hosts, frozenset(f"http://{host}:{own}" for host in _ORIGIN_HOSTS for own in self._ports | {port})

    def refusal(self, port: int, method: str, target: str, values: Callable[[str], Sequence[str]]) -> str:
        """Return why this request may not pass, as a sentence, or an empty text.

        `port` is the listener's, `target` the request's as it was sent, and `values` returns all values of a header.
        """
        hosts, origins = self._names(port)
        named = [host.lower() for host in values("Host")]
        path = target
        if not target.startswith("/") and target != "*":
            # An absolute target's authority counts more than Host (RFC 9112, 3.2.2); CONNECT has nothing else.
            authority, slash, rest = target.rpartition("://")[2].partition("/")
            named.append(authority.lower())
            path = slash + rest
        if not values("Host") or not hosts.issuperset(named):
            return f"This answers only on its own machine, as http://localhost:{port}."
        if method == "GET" and self._is_page(path.partition("?")[0]) and _opens_a_page(values):
            return ""
        if origin := values("Origin"):
            return "" if len(origin) == 1 and origin[0] in origins else _OTHER_SITE
        return "" if tuple(values("Sec-Fetch-Site")) in _TRUSTED_SITES else _OTHER_SITE

    def refusal_of(self, request: web.BaseRequest) -> str:
        """Return why this request may not pass, as a sentence, or an empty text."""
        transport = request.transport
        if transport is None:
            return ""  # the client is gone, and gets no answer
        port = transport.get_extra_info("sockname")[1]
        headers = request.headers
        return self.refusal(port, request.method, request.raw_path, lambda name: headers.getall(name, ()))

    def before(self, handler: Handler) -> Handler:
        """Return the handler with this check before it."""

        async def checked(request: web.BaseRequest) -> web.StreamResponse:
            if why := self.refusal_of(request):
                return _refused(why)
            return await handler(request)

        return checked

    def middleware(self) -> Callable[..., Awaitable[web.StreamResponse]]:
        """Return this check for an application, whose first middleware it must be."""

        @web.middleware
        async def check(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if why := self.refusal_of(request):
                return _refused(why)
            return await handler(request)

        return check


_TRUSTED_SITES = {(), ("none",), ("same-origin",)}


def _opens_a_page(values: Callable[[str], Sequence[str]]) -> bool:
    """Whether a browser opens this address in a tab, or in a frame of a page of this machine, rather than for a page's scripts."""
    target, site = tuple(values("Sec-Fetch-Dest")), tuple(values("Sec-Fetch-Site"))
    in_frame = target == ("iframe",) and site == ("same-site",)
    return tuple(values("Sec-Fetch-Mode")) == ("navigate",) and (target in {(), ("document",)} or in_frame)


def _refused(why: str) -> web.Response:
    return web.json_response({"message": why}, status=403)
