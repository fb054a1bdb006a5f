"""Values of the template's parameters that are hard to pass on whole."""

from collections.abc import Mapping

from deployment.parameters import Parameter

__all__ = ["HARD", "HARD_PARTS", "defaults", "empty", "hard"]

type Parameters = Mapping[str, Parameter]

# Shells, make, YAML and sam's own reader each treat some of these specially. Functions must start with them.
HARD = (
    r'''"{name}'s \"{item}\":\ \$HOME, $(pwd) & `id`;  {currency} {amount} {code} = 100% # \\ "''',
    r"""'$HOME"{}`id`\'@example.org""",
    r"""'$HOME"{}`id`\'""",
    "{}",
    "MY  SHOP",
)
# Between them, the values that the template accepts must hold these.
HARD_PARTS = (" ", "  ", '"', "'", "{", "}", "$", "`", "\\", "#")


def defaults(parameters: Parameters) -> dict[str, str]:
    """Return the default of every parameter that has one."""
    return {name: parameter.default for name, parameter in parameters.items() if parameter.default is not None}


def hard(parameters: Parameters) -> dict[str, str]:
    """Return the first hard value that each parameter accepts, for those that accept one."""
    accepted = {name: [value for value in HARD if not parameter.fault(value)] for name, parameter in parameters.items()}
    return {name: values[0] for name, values in accepted.items() if values}


def empty(parameters: Parameters) -> dict[str, str]:
    """Return an empty value for every parameter that accepts it."""
    return {name: "" for name, parameter in parameters.items() if not parameter.fault("")}
