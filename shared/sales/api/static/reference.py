"""The reference: its page, its viewer (Swagger UI) and the contract."""

import re

from sales.api.endpoint import Request, Response
from sales.api.issuers import discovery_address
from sales.api.static.files import StaticFiles
from sales.runtime.settings import settings

__all__ = ["DOCUMENT", "VIEWER", "Reference"]

DOCUMENT, VIEWER = "openapi.json", "swagger-ui-bundle.js"
# The issuer and the address that the contract is generated with; it is served with the deployment's.
_EXAMPLE_ISSUER = "https://example.okta.com/oauth2/default"
_EXAMPLE_SERVER = b'"url": "/"'


class Reference(StaticFiles):
    """The page, its viewer (Swagger UI) and the contract."""

    server = "/"

    def answer(self, request: Request, name: str) -> Response:
        """Return the file. The contract names the address that it was read from, which a deployment may have several of."""
        if name == DOCUMENT and (server := _own_address(request)) != self.server:
            self.server = server
            self.forget(DOCUMENT)
        return super().answer(request, name)

    def content(self, name: str) -> bytes:
        """The file; in the contract, this deployment's issuer and address."""
        content = super().content(name)
        if name != DOCUMENT:
            return content
        content = content.replace(_EXAMPLE_SERVER, _EXAMPLE_SERVER.replace(b"/", self.server.encode()))
        example, deployed = discovery_address(_EXAMPLE_ISSUER), discovery_address(settings().okta_issuer)
        return content.replace(example.encode(), deployed.encode())


def _own_address(request: Request) -> str:
    """Return where callers find the API. API Gateway answers for its own domains only, so no caller can choose the name."""
    domain = request.event["requestContext"].get("domainName", "")
    return settings().api_url or (f"https://{domain}" if re.fullmatch(r"[a-z0-9.-]+", domain) else "/")
