"""A stand-in for AWS Secrets Manager: it answers the one call that the functions make, from files under `.local`."""

import json
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from local.config import Config

__all__ = ["FILES", "SecretsManager", "put_secret", "secret_line"]

# By the default names of the template's parameters.
FILES = {"sales/africastalking-api-key": "sms-api-key", "sales/webhook-secret": "webhook-secret"}


def secret_line(path: Path) -> str:
    """Return the secret in this file, creating it at first use. Only its owner may read the file."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Linked into place: two processes that create it at the same time end up with the same secret.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32) + "\n")
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()


def put_secret(state: Path, name: str, value: str) -> None:
    """Store a secret as PutSecretValue does: the value becomes the current version, the current one the previous."""
    path = state / FILES[name]
    if path.is_file():
        _replace(_previous(path), secret_line(path))
    _replace(path, value)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _replace(path: Path, value: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(value + "\n")
    draft.replace(path)


class SecretsManager:
    """Answers GetSecretValue: the file holds the current version, `<file>.previous` the previous one."""

    def __init__(self, config: Config) -> None:
        self._state = config.state

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one call (AWS JSON 1.1)."""
        if request.headers.get("X-Amz-Target") != "secretsmanager.GetSecretValue":
            return self._error("UnknownOperationException", "the local stand-in knows only GetSecretValue")
        try:
            parameters = json.loads(await request.read())
        except ValueError:
            parameters = None
        if not isinstance(parameters, dict):
            return self._error("SerializationException", "the request is not a JSON object")
        name, stage = parameters.get("SecretId"), parameters.get("VersionStage", "AWSCURRENT")
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
