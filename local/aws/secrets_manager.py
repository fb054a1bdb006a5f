"""AWS Secrets Manager's stand-in: the one call the functions make, answered from files under `.local`."""

import json
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from local.config import Config

__all__ = ["FILES", "SecretsManager", "put_secret", "secret_line"]

# By the names that the template's parameters have by default.
FILES = {"sales/africastalking-api-key": "sms-api-key", "sales/webhook-secret": "webhook-secret"}


def secret_line(path: Path) -> str:
    """The secret in this file, made at first use; only its owner may read it."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Linked into place, so that two processes that make it at once end up with the same one.
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(32) + "\n")
        try:
            path.hardlink_to(new)
        except FileExistsError:
            pass
        finally:
            new.unlink()
        return path.read_text().strip()


def put_secret(state: Path, name: str, value: str) -> None:
    """As Secrets Manager's PutSecretValue: the value is the current version, what was current the previous one."""
    path = state / FILES[name]
    if path.is_file():
        _replace(_previous(path), secret_line(path))
    _replace(path, value)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _replace(path: Path, value: str) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    new.touch(mode=0o600)
    new.write_text(value + "\n")
    new.replace(path)


class SecretsManager:
    """Answers GetSecretValue: the file's line is the current version, the line of `<file>.previous` the one before."""

    def __init__(self, config: Config) -> None:
        self._state = config.state

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """The answer to one call (AWS JSON 1.1)."""
        if request.headers.get("X-Amz-Target") != "secretsmanager.GetSecretValue":
            return self._error("UnknownOperationException", "only GetSecretValue is here")
        try:
            asked = json.loads(await request.read())
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return self._error("SerializationException", "the request is not a JSON object")
        name, stage = asked.get("SecretId"), asked.get("VersionStage", "AWSCURRENT")
        if not isinstance(name, str):
            return self._error("InvalidParameterException", "SecretId is not a string")
        if name not in FILES:
            return self._error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        value = self._value(FILES[name], stage)
        if value is None:
            message = f"Secrets Manager can't find the specified secret value for staging label: {stage}"
            return self._error("ResourceNotFoundException", message)
        body = {"Name": name, "SecretString": value, "VersionStages": [stage]}
        return web.Response(text=json.dumps(body), content_type="application/x-amz-json-1.1")

    def _value(self, file: str, stage: Any) -> str | None:
        if stage == "AWSCURRENT":
            return secret_line(self._state / file)
        previous = _previous(self._state / file)
        return previous.read_text().strip() if stage == "AWSPREVIOUS" and previous.is_file() else None

    @staticmethod
    def _error(kind: str, message: str) -> web.Response:
        body = json.dumps({"__type": kind, "message": message})
        return web.Response(status=400, text=body, content_type="application/x-amz-json-1.1")
