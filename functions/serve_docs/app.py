"""GET /openapi.json and GET /docs: the API's contract, and a reference page to read it and try it out."""

from pathlib import Path

from sales.api.endpoint import Request, Response, endpoint
from sales.api.static_files import StaticFiles
from sales.domain.problems import Problem
from sales.runtime.settings import settings

HERE = Path(__file__).parent
DOCUMENT, VIEWER = "openapi.json", "swagger-ui-bundle.js"
# The issuer that the contract is generated with; the one it is served with is the deployment's.
EXAMPLE_ISSUER = b"https://example.okta.com/oauth2/default"


class Reference(StaticFiles):
    """The page, its viewer (Swagger UI) and the contract."""

    def content(self, name: str) -> bytes:
        """The file; in the contract, this deployment's issuer."""
        content = super().content(name)
        return content.replace(EXAMPLE_ISSUER, settings().okta_issuer.encode()) if name == DOCUMENT else content


REFERENCE = Reference(HERE / "static", HERE / "swagger-ui")


@endpoint(scope=None)
def handler(request: Request) -> Response:
    """200 with the document, the page, or a file of the page; 304 when the browser has it; 404 for other names."""
    if request.path.startswith("/openapi.json"):
        return REFERENCE.answer(request, DOCUMENT)
    if VIEWER not in REFERENCE.names:
        raise Problem("not_found", "The viewer is not installed (it comes from npm). The contract is at /openapi.json.")
    name = request.parameters.get("file", "index")
    return REFERENCE.answer(request, name if "." in name else f"{name}.html")
