"""GET /openapi.json, GET /docs and GET /.well-known/security.txt: the contract, its reference, and whom to tell of a flaw."""

from pathlib import Path

from sales.api.endpoint import Request, Response, endpoint
from sales.api.security_txt import security_txt
from sales.api.static.reference import DOCUMENT, VIEWER, Reference
from sales.domain.problems import Problem

HERE = Path(__file__).parent
REFERENCE = Reference(HERE / "static", HERE / "swagger-ui")


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200 with the document, the page, or a file; 304 when the browser has it; 404 for other names."""
    if request.path.startswith("/openapi.json"):
        return REFERENCE.answer(request, DOCUMENT)
    if request.path.startswith("/.well-known/"):
        return security_txt()
    if VIEWER not in REFERENCE.names:
        raise Problem("not_found", "The viewer is not installed (it comes from npm). The contract is at /openapi.json.")
    name = request.parameters.get("file", "index")
    return REFERENCE.answer(request, name if "." in name else f"{name}.html")
