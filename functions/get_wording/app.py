"""GET wording: the wording of texts, by language."""

from sales.api.endpoint import Request, Response, endpoint
from sales.store import store


@endpoint(scope="sales:read")
def handler(request: Request) -> Response:
    """200 with the wording and its ETag, 304 when the caller has that version."""
    wording = store().wordings.get()
    return Response(200, wording.public(), version=wording.version)
