"""Values of the template's parameters that are hard to pass on, and the rules by which CloudFormation accepts them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["HARD", "HARD_PARTS", "accepts", "defaults", "empty", "hard"]

type Parameters = Mapping[str, Mapping[str, Any]]

# Shells, make, YAML and sam's own reader each treat some of these specially. Functions must start with them.
HARD = (
    r'''"{name}'s \"{item}\":\ \$HOME, $(pwd) & `id`;  {currency} {amount} = 100% # \\ "''',
    r'''{ "+254" : "KES 0.80",  "+255": "TZS 30" }''',
    r''''$HOME"{}`id`\'@example.org''',
    r''''$HOME"{}`id`\'''',
    "MY  SHOP",
)
EMPTY = ("", "{}")
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
    return _first_accepted(parameters, HARD)


def empty(parameters: Parameters) -> dict[str, str]:
    """Return an empty value for every parameter that accepts one."""
    return _first_accepted(parameters, EMPTY)


def _first_accepted(parameters: Parameters, values: Sequence[str]) -> dict[str, str]:
    accepted = {name: [v for v in values if accepts(parameter, v)] for name, parameter in parameters.items()}
    return {name: found[0] for name, found in accepted.items() if found}
