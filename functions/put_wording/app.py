"""PUT wording: replaces the wording of texts, all languages at once."""

from sales.api.endpoint import Request, Response, endpoint
from sales.services.wording import change_wording, parse_wording


@endpoint(scope="sales:manage")
def handler(request: Request) -> Response:
    """200 with the wording, which the next order's text has; 428 without If-Match, 412 when it names another version."""
    request.require_if_match()
    wording = change_wording(parse_wording(request.json()), check=request.check_version)
    return Response(200, wording.public(), version=wording.version)
