"""The deployed system as template.yaml describes it, for everything that reads it on this machine."""

from pathlib import Path

__all__ = ["ACCOUNT", "REGION", "ROOT", "STACK"]

ROOT = Path(__file__).resolve().parent.parent
# The values of the template's pseudo parameters on this machine.
REGION = "eu-west-1"
ACCOUNT = "000000000000"
STACK = "sales"
