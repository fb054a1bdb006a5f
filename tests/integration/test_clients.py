"""The AWS clients: `aws_client` skips part of botocore's work, and the result must not differ."""

from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session

from sales.runtime.aws import aws_client

SERVICES = ("dynamodb", "secretsmanager", "lambda")
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


def by_rules(session: Session, service: str, region: str) -> str:
    """Return the address that botocore's rules choose for a call without an account's endpoint."""
    client: Any = session.create_client(service, region_name=region, config=Config(account_id_endpoint_mode="disabled"))
    model = client.meta.service_model
    operation = model.operation_model(model.operation_names[0])
    endpoint = client._ruleset_resolver.construct_endpoint(operation, {}, {})
    return str(endpoint.url)


@pytest.mark.parametrize("service", SERVICES)
def test_every_region_has_the_endpoint_of_amazons_rules(service: str, environment: pytest.MonkeyPatch) -> None:
    session = Session()
    regions = [region for each in PARTITIONS for region in session.get_available_regions(service, each)]
    assert len(regions) > 30
    for region in [*regions, "eu-west-99"]:
        environment.setenv("AWS_DEFAULT_REGION", region)
        assert aws_client(service, "").meta.endpoint_url == by_rules(session, service, region), region


@pytest.mark.usefixtures("tables")
def test_an_item_is_written_and_read_as_it_is() -> None:
    client = aws_client("dynamodb", "")
    item = {
        "id": {"S": "one"},
        "all": {"M": {"list": {"L": [{"N": "1.50"}, {"NULL": True}, {"BOOL": False}]}, "none": {"M": {}}}},
        "set": {"SS": ["a", "b"]},
        # Botocore would decode it.
        "binary": {"B": "AAEC"},
    }
    client.put_item(TableName="orders", Item=item)
    key = {"id": {"S": "one"}}
    assert client.get_item(TableName="orders", Key=key)["Item"] == item
    request = {"orders": {"Keys": [key]}}
    assert client.batch_get_item(RequestItems=request)["Responses"] == {"orders": [item]}
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refused:
        client.put_item(
            TableName="orders",
            Item=key,
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Item"] == item
