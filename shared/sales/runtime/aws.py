"""Clients of AWS services, made for a fast start and few repetitions."""

from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.session import Session

__all__ = ["CONNECTIONS", "aws_client"]

# How many calls of one client may be under way: a page of 16 shards asks them all at the same time, and so do senders
# whose writes do not go together.
CONNECTIONS = 64
# Amazon's own root certificates, which `make build` puts into the layer. botocore reads the roots again for each
# connection, and reading all the public ones takes 20 ms of a whole processor.
_ROOTS = Path(__file__).parents[2] / "amazon-roots.pem"


def _lean_loader() -> Loader:
    """Loads botocore's data, without what it would work out anew for each call though it is always the same."""
    loader = Loader()
    load = loader.load_service_model

    def load_service_model(service_name: str, type_name: str, api_version: str | None = None) -> Any:
        if type_name == "endpoint-rule-set-1":
            # Botocore's own way for services without rules: the endpoint is looked up once, in endpoints.json.
            raise UnknownServiceError(service_name=service_name, known_service_names="")
        model = load(service_name, type_name, api_version)
        for name, shape in model.get("shapes", {}).items():
            # Items pass as they are, in DynamoDB's own form: to walk through each of their attributes is a fifth of a
            # read and more than half of a page.
            if shape["type"] == "map" and shape["value"]["shape"] == "AttributeValue":
                model["shapes"][name] = {"type": "structure", "members": {}, "document": True}
        return model

    loader.load_service_model = load_service_model
    return loader


@cache
def _session() -> Session:
    # One for all clients: it keeps the parsed service data.
    session = Session()
    session.register_component("data_loader", _lean_loader())
    return session


def aws_client(service: str, endpoint: str) -> Any:
    """A client of an AWS service; an empty endpoint means AWS itself.

    Items have the form that DynamoDB has on the wire, which is botocore's own but for binary values: those are base64.
    """
    session = _session()
    # Elsewhere than in AWS's own partition an endpoint may have its certificate from somebody else.
    narrow = _ROOTS.is_file() and not str(session.get_config_variable("region")).startswith("cn-")
    return session.create_client(
        service,
        endpoint_url=endpoint or None,
        verify=str(_ROOTS) if narrow else None,
        config=Config(
            # Our own types are checked before; botocore checking them again costs a tenth of a warm call.
            parameter_validation=False,
            # Else botocore puts together what SDK, machine and features this is, anew for each call.
            user_agent="sales",
            disable_request_compression=True,
            max_pool_connections=CONNECTIONS,
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "max_attempts": 4},
        ),
    )
