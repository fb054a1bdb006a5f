"""Clients of AWS services that start fast and skip work that botocore repeats for each call."""

from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from botocore.session import Session

__all__ = ["CONNECTIONS", "aws_client"]

# Concurrent calls of one client: a page over 16 shards queries them all at the same time, and senders write in parallel.
CONNECTIONS = 64
# Amazon's own root certificates, which `make build` puts into the layer. botocore reads its roots again for each
# connection, and reading all public roots takes 20 ms of a whole processor.
_ROOTS = Path(__file__).parents[2] / "amazon-roots.pem"


def _endpoints(partitions: Any) -> dict[str, Any]:
    """Return the endpoints that botocore looks up, worked out from its partitions.json.

    They hold for DynamoDB, Secrets Manager and Lambda, whose host names follow one pattern in every region, and have
    no FIPS or dual-stack variants.
    """
    return {
        "partitions": [
            {
                "partition": partition["id"],
                "dnsSuffix": partition["outputs"]["dnsSuffix"],
                "regionRegex": partition["regionRegex"],
                "regions": partition["regions"],
                "defaults": {
                    "hostname": "{service}.{region}.{dnsSuffix}",
                    "protocols": ["https"],
                    "signatureVersions": ["v4"],
                },
                "services": {},
            }
            for partition in partitions["partitions"]
        ]
    }


def _lean_loader() -> Loader:
    """Return a loader of botocore's data that spares each start and each call work whose result never changes."""
    loader = Loader()
    load = loader.load_service_model
    load_file = loader.load_data_with_path

    def load_data_with_path(name: str) -> Any:
        if name != "endpoints":
            return load_file(name)
        # Parsing endpoints.json, 1.2 MB about every service, takes a tenth of a start; the layer leaves it out.
        partitions, path = load_file("partitions")
        return _endpoints(partitions), path

    def load_service_model(service_name: str, type_name: str, api_version: str | None = None) -> Any:
        if type_name == "endpoint-rule-set-1":
            # botocore looks up the endpoint of a service without rules once, in what _endpoints returns.
            raise UnknownServiceError(service_name=service_name, known_service_names="")
        model = load(service_name, type_name, api_version)
        for name, shape in model.get("shapes", {}).items():
            # Items stay in DynamoDB's own form: parsing each attribute takes a fifth of a read's time and more than half
            # of a page's.
            if shape["type"] == "map" and shape["value"]["shape"] == "AttributeValue":
                model["shapes"][name] = {"type": "structure", "members": {}, "document": True}
        return model

    loader.load_service_model = load_service_model
    loader.load_data_with_path = load_data_with_path
    return loader


@cache
def _session() -> Session:
    # Shared by all clients, because it keeps the parsed service data.
    session = Session(include_builtin_handlers=False)
    for event, handler, *_ in BUILTIN_HANDLERS:
        # An event with a dot is of one service, none of ours, or of the documentation. Registering those as well takes a
        # twentieth of a start.
        if "." not in event:
            session.register(event, handler)
    session.register_component("data_loader", _lean_loader())
    return session


def aws_client(service: str, endpoint: str) -> Any:
    """Return a client of an AWS service; an empty endpoint means AWS itself.

    DynamoDB items have the form of the wire, which is botocore's own except for binary values: those are base64.
    """
    session = _session()
    # In China, endpoints may have certificates from other authorities.
    narrow = _ROOTS.is_file() and not str(session.get_config_variable("region")).startswith("cn-")
    return session.create_client(
        service,
        endpoint_url=endpoint or None,
        verify=str(_ROOTS) if narrow else None,
        config=Config(
            # Our own types are checked already; checking them again costs a tenth of a warm call.
            parameter_validation=False,
            # Otherwise botocore describes SDK, machine and features again for each call.
            user_agent="sales",
            disable_request_compression=True,
            max_pool_connections=CONNECTIONS,
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "max_attempts": 4},
        ),
    )
