"""Lists as CSV files, for requests that ask for them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sales.api.endpoint import Response
from sales.domain.files.csv_cells import CUSTOMER_COLUMNS, ORDER_COLUMNS, write_list

__all__ = ["MEDIA_TYPE", "csv_response", "prefers_csv"]

MEDIA_TYPE = "text/csv"
_COLUMNS = {"customers": CUSTOMER_COLUMNS, "orders": ORDER_COLUMNS}
_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", re.IGNORECASE)


def prefers_csv(accept: str) -> bool:
    """Return whether an Accept header (RFC 9110, 12.5.1) names CSV, and JSON with no more weight.

    A wildcard does not ask for CSV: every client that accepts anything gets JSON.
    """
    weights: dict[str, float] = {}
    for media_range in accept.lower().split(","):
        name, *parameters = media_range.split(";")
        weight = next((found[1] for found in map(_WEIGHT.fullmatch, parameters) if found), "1")
        weights[name.strip()] = max(float(weight), weights.get(name.strip(), 0.0))
    wanted = weights.get(MEDIA_TYPE, 0.0)
    return wanted > 0 and wanted >= weights.get("application/json", 0.0)


def csv_response(list_name: str, rows: Iterable[Mapping[str, Any]], headers: Mapping[str, str]) -> Response:
    """Return 200 with a page of the list as a file, with its header on each page."""
    of_file = {
        "content-type": f"{MEDIA_TYPE}; charset=utf-8",
        "content-disposition": f'attachment; filename="{list_name}.csv"',
    }
    return Response(200, write_list(_COLUMNS[list_name], rows), {**headers, **of_file})
