"""The console: its page, and the modules and style that it names with their version."""

import posixpath
import re
from collections.abc import Iterator

from sales.api.issuers import Endpoints
from sales.api.static.files import StaticFiles, config_json

__all__ = ["ConsoleFiles"]

_PAGE, _FIRST = "index.html", ("session/begin.js", "console.js")
_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)";""", re.MULTILINE)
# Only readers of a module need these: lines of comment, empty lines and indentation. No module has a text of several lines.
_FOR_READERS = re.compile(rb"^[ \t]*(?://.*)?\n|^[ \t]+", re.MULTILINE)


class ConsoleFiles(StaticFiles):
    """The page has its configuration in it, and a list of all modules: a browser asks for none of them after another."""

    def content(self, name: str) -> bytes:
        """The file, a module without its comments; in the page, the version, the configuration and the modules."""
        content = super().content(name)
        if name.endswith(".js"):
            return _FOR_READERS.sub(b"", content)
        if name != _PAGE:
            return content
        # In a script of data: no text may end it, or begin another.
        config = config_json().replace(b"<", b"\\u003c")
        links = (f'<link rel="modulepreload" href="/console/{self.version}/{module}">' for module in self.modules())
        return (
            content.replace(b"{version}", self.version.encode())
            .replace(b"{modules}", "\n  ".join(links).encode())
            .replace(b"{config}", config)
        )

    def modules(self) -> Iterator[str]:
        """Yield the modules that the page loads at its start, those for signing in first."""
        known: set[str] = set()
        waiting = list(_FIRST)
        while waiting:
            if (module := waiting.pop(0)) not in known:
                known.add(module)
                yield module
                source = super().content(module).decode()
                waiting = [posixpath.normpath(f"{module}/../{name}") for name in _IMPORT.findall(source)] + waiting

    def policy(self, known: Endpoints | None) -> str:
        """The policy, with a frame for signing in: the issuer's page in ours, and then ours in ours."""
        origin = f" {known.authorization_origin}" if known else ""
        own = super().policy(known).replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return f"{own}; frame-src 'self'{origin}"
