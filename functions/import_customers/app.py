"""POST customers/import: creates the customers of a file."""

from sales.api.endpoint import Request, Response, endpoint
from sales.domain.files.import_file import LARGEST_FILE
from sales.domain.files.reading import read_file
from sales.services.imports.customers import COLUMNS, import_customers


@endpoint(scope="sales:manage", largest_body=LARGEST_FILE)
def handler(request: Request) -> Response:
    """200 with the same file and the result of each row; 415 or 422 for a file that cannot be read, and nothing is stored."""
    file = read_file(request.media_type, request.raw_body, COLUMNS)
    results = import_customers(file.rows, caller=request.caller)
    return Response(200, file.with_results(results), {"content-type": file.content_type})
