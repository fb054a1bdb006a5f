"""What may be logged, and by whom."""

from typing import Any

import pytest

from sales.runtime import log
from tests.support.events import Context
from tests.unit.runtime.test_startup import SETTINGS, run


def test_a_field_that_is_not_in_the_list_is_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        log.info("x", name="john doe")


def test_only_we_log_below_warnings_whatever_level_lambda_is_given() -> None:
    code = """
import logging, os, sys
sys.argv = ["", "functions.create_customer.app.handler"]
import awslambdaric.bootstrap as bootstrap
bootstrap._setup_logging(0, "DEBUG", bootstrap.StandardLogSink())
import functions.create_customer.app
from sales.runtime import log
log.info("ours")
for name in ("botocore.endpoint", "urllib3.connectionpool", "requests", "africastalking", "whoever.comes.later", ""):
    logging.getLogger(name).debug("a body")
    logging.getLogger(name).info("a body")
print([each for each in sorted(logging.root.manager.loggerDict) if logging.getLogger(each).isEnabledFor(logging.INFO)])
"""
    said = run(code, SETTINGS | {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON"})
    assert "a body" not in said
    assert '"message":"ours"' in said
    assert said.splitlines()[-1] == "['sales']"


def test_an_invocation_fails_with_the_kind_of_the_error_and_not_its_text() -> None:
    @log.guarded
    def handler(event: dict[str, Any], context: Any) -> None:
        raise ValueError(event["name"])

    with pytest.raises(log.InvocationError) as failed:
        handler({"name": "john doe"}, Context())
    assert str(failed.value) == "ValueError"
    assert failed.value.__cause__ is failed.value.__context__ is None
