"""Only allowed fields are logged, and only by us."""

import json
from datetime import datetime
from typing import Any

import pytest

from sales.runtime import log
from sales.runtime.settings import LOG_LEVELS
from tests.conftest import forget_process_state
from tests.support.events import Context
from tests.unit.runtime.test_startup import SETTINGS, run


def test_a_field_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        log.info("x", name="john doe")


def test_a_line_has_the_request_id_and_a_masked_number(capsys: pytest.CaptureFixture[str]) -> None:
    log._logger()
    forget_process_state()
    capsys.readouterr()
    log.bind("request-1")
    log.info("sms", phone_number="+254704590344", order_id="o", reason=None)
    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["request_id"], line["phone_number"]) == ("sms", "request-1", "+2547****0344")
    assert "reason" not in line
    with pytest.raises(TypeError, match="email"):
        log.info("x", email="a@example.com")


def test_the_audit_trail_takes_only_the_same_fields_and_needs_no_logger() -> None:
    with pytest.raises(TypeError, match="email"):
        log.audit("x", 200, email="a@example.com")
    code = """
import sys
from sales.runtime import log
log.audit("x", 200)
print("aws_lambda_powertools" in sys.modules)
"""
    assert run(code, SETTINGS).splitlines()[-1] == "False"


def test_one_customer_has_one_id_and_several_have_a_list() -> None:
    for ids, bound in ((["a"], {"customer_id": "a"}), (["a", "b"], {"customer_ids": ["a", "b"]}), ([], {})):
        log.bind("r")
        log.about(customer_ids=ids)
        assert log.bound() == {"request_id": "r"} | bound


def test_libraries_log_only_warnings_at_any_level() -> None:
    code = """
import logging, os, sys
sys.argv = ["", "functions.create_customer.app.handler"]
import awslambdaric.bootstrap as bootstrap
bootstrap._setup_logging(0, "DEBUG", bootstrap.StandardLogSink())
import functions.create_customer.app
from sales.runtime import log
log.info("ours")
for name in ("botocore.endpoint", "urllib3.connectionpool", "requests", "africastalking", "a.future.library", ""):
    logging.getLogger(name).debug("a body")
    logging.getLogger(name).info("a body")
print([each for each in sorted(logging.root.manager.loggerDict) if logging.getLogger(each).isEnabledFor(logging.INFO)])
"""
    said = run(code, SETTINGS | {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON"})
    assert "a body" not in said
    assert '"message":"ours"' in said
    assert said.splitlines()[-1] == "['sales']"


@pytest.mark.parametrize("level", LOG_LEVELS)
def test_the_log_level_filters_our_lines_and_never_metrics_nor_the_audit_trail(level: str) -> None:
    code = """
import json, sys
sys.argv = ["", "functions.create_customer.app.handler"]
import awslambdaric.bootstrap as bootstrap
bootstrap._setup_logging(0, "INFO", bootstrap.StandardLogSink())
from sales.runtime import log, metrics
for write, severity in ((log.info, "INFO"), (log.warning, "WARN"), (log.error, "ERROR")):
    write("ours", state=severity)
log.audit("create_customer", 201)
metrics.count("OldestQueued", 0)
"""
    lambdas = {"AWS_LAMBDA_LOG_LEVEL": "INFO", "AWS_LAMBDA_LOG_FORMAT": "JSON"}
    lines = [json.loads(line) for line in run(code, SETTINGS | lambdas | {"LOG_LEVEL": level}).splitlines()]
    logged = [line["state"] for line in lines if line.get("message") == "ours"]
    assert logged == list(LOG_LEVELS[LOG_LEVELS.index(level) :])
    (audit,) = (line for line in lines if line.get("message") == "audit")
    assert (audit["level"], audit["service"], audit["action"], audit["status"]) == (
        "INFO",
        "sales",
        "create_customer",
        201,
    )
    assert datetime.fromisoformat(audit["timestamp"]).tzinfo is not None
    (metric,) = (line for line in lines if "_aws" in line)
    assert metric["OldestQueued"] == [0]


def test_an_invocation_fails_with_the_type_of_the_error_and_not_its_message() -> None:
    @log.guarded
    def handler(event: dict[str, Any], context: Any) -> None:
        raise ValueError(event["name"])

    with pytest.raises(log.InvocationError) as failed:
        handler({"name": "john doe"}, Context())
    assert str(failed.value) == "ValueError"
    assert failed.value.__cause__ is failed.value.__context__ is None
