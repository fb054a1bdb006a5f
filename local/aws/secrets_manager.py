"""A stand-in for AWS Secrets Manager: it answers the one call that the functions make, from files under `.local`."""

import json
from pathlib import Path
from typing import Any

from aiohttp import web

from local.config import Config
from local.private_files import secret_line, write_private

__all__ = ["FILES", "SecretsManager", "put_secret"]

# By the default names of the template's parameters.
FILES = {"sales/africastalking-api-key": "sms-api-key", "sales/webhook-secret": "webhook-secret"}


def put_secret(state: Path, name: str, value: str) -> None:
    """Store a secret as PutSecretValue does: the value becomes the current version, the current one the previous."""
    path = state / FILES[name]
    if path.is_file():
        write_private(_previous(path), secret_line(path) + "\n")
    write_private(path, value + "\n")


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


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
