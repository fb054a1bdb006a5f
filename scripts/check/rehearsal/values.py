"""Values of the template's parameters that are hard to pass on, and the rules by which CloudFormation accepts them."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["HARD", "HARD_PARTS", "accepts", "defaults", "empty", "hard"]

type Parameters = Mapping[str, Mapping[str, Any]]

# Shells, make, YAML and sam's own reader each treat some of these specially. Functions must start with them.
HARD = (
    r'''"{name}'s \"{item}\":\ \$HOME, $(pwd) & `id`;  {currency} {amount} = 100% # \\ "''',
    r''''$HOME"{}`id`\'@example.org''',
    r''''$HOME"{}`id`\'''',
    "{}",
    "MY  SHOP",
)
# Between them, the values that the template accepts must hold these.
HARD_PARTS = (" ", "  ", '"', "'", "{", "}", "$", "`", "\\", "#")


def accepts(parameter: Mapping[str, Any], value: str) -> bool:
    """Return whether CloudFormation accepts this value of a parameter."""
    if parameter["Type"] != "String" or value not in parameter.get("AllowedValues", [value]):
        return False
    long_enough = int(parameter.get("MinLength", 0)) <= len(value) <= int(parameter.get("MaxLength", 4096))
    return long_enough and re.fullmatch(parameter.get("AllowedPattern", ".*"), value, re.DOTALL) is not None


def defaults(parameters: Parameters) -> dict[str, str]:
    """Return the default of every parameter that has one."""
    return {name: str(parameter["Default"]) for name, parameter in parameters.items() if "Default" in parameter}


def hard(parameters: Parameters) -> dict[str, str]:
    """Return the first hard value that each parameter accepts, for those that accept one."""
    accepted = {name: [value for value in HARD if accepts(parameter, value)] for name, parameter in parameters.items()}
    return {name: values[0] for name, values in accepted.items() if values}


def empty(parameters: Parameters) -> dict[str, str]:
    """Return an empty value for every parameter that accepts it."""
    return {name: "" for name, parameter in parameters.items() if accepts(parameter, "")}
