"""The parameters of template.yaml, and which values CloudFormation accepts for them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Parameter", "faults", "read_parameters"]


@dataclass(frozen=True)
class Parameter:
    """One parameter. `default` is None where it must be given; `constraint` says what a value must be."""

    name: str
    description: str
    default: str | None = None
    number: bool = False
    pattern: str = ""
    constraint: str = ""
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = None

    def fault(self, value: str) -> str:
        """Return what is wrong with the value by CloudFormation's rules, or an empty string."""
        if self.allowed and value not in self.allowed:
            return f"must be one of {', '.join(self.allowed)}"
        if self.number:
            try:
                number = float(value)
            except ValueError:
                return "must be a number"
            if self.least is not None and number < self.least:
                return f"must be at least {self.least:g}"
            if self.most is not None and number > self.most:
                return f"must be at most {self.most:g}"
        if self.shortest is not None and len(value) < self.shortest:
            return f"must have at least {self.shortest} characters" if value else "must not be empty"
        if self.longest is not None and len(value) > self.longest:
            return f"must have at most {self.longest} characters, not {len(value)}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return self.constraint or f"must match {self.pattern}"
        return ""


def read_parameters(template: Path) -> dict[str, Parameter]:
    """Return the parameters of a template by name, in its order."""
    # The translator's package is slow to import, and most readers of this module never call this.
    from samtranslator.yaml_helper import yaml_parse

    return {
        name: Parameter(
            name=name,
            description=written.get("Description", ""),
            default=str(written["Default"]) if "Default" in written else None,
            number=written["Type"] == "Number",
            pattern=written.get("AllowedPattern", ""),
            constraint=written.get("ConstraintDescription", ""),
            allowed=tuple(str(value) for value in written.get("AllowedValues", ())),
            least=written.get("MinValue"),
            most=written.get("MaxValue"),
            shortest=written.get("MinLength"),
            longest=written.get("MaxLength"),
        )
        for name, written in yaml_parse(template.read_text())["Parameters"].items()
    }


def faults(parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each value that the template has no parameter for or that CloudFormation would refuse."""
    for name, value in values.items():
        if name not in parameters:
            yield f"{name} is not a parameter of template.yaml. It has {', '.join(parameters)}."
        elif fault := parameters[name].fault(value):
            yield f"{name} {fault}; it is {value!r}."
