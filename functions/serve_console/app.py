"""GET / and /console/{file}: the console, a page for people."""

from pathlib import Path

from sales.api.endpoint import Request, Response, endpoint
from sales.api.static.console import ConsoleFiles

CONSOLE = ConsoleFiles(Path(__file__).parent / "static")


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200 with the page or a file of it, 304 when the browser has it, 404 for other names."""
    names = request.parameters
    version, file = names.get("version"), names.get("file", "index.html")
    return CONSOLE.answer(request, f"{version}/{file}" if version else file)
