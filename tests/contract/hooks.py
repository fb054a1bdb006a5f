"""What schemathesis cannot make up: a key that nobody has used, and the webhooks' secret (SCHEMATHESIS_HOOKS)."""

import os
import random
import uuid
from typing import Any

import schemathesis

_DICE = random.Random(1)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 255 and key.isascii() and key.isprintable() and " " not in key:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if (case.path_parameters or {}).get("secret") and _DICE.random() < 0.5:
        case.path_parameters["secret"] = os.environ["WEBHOOK_SECRET"]
