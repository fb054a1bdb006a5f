"""The deployed system as template.yaml describes it, for everything that reads it on this machine."""

from pathlib import Path

__all__ = ["ACCOUNT", "REGION", "ROOT", "STACK"]

ROOT = Path(__file__).resolve().parent.parent
# What the template's pseudo parameters stand for on this machine.
REGION = "eu-west-1"
ACCOUNT = "000000000000"
STACK = "sales"
