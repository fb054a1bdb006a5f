"""Work out what a deployment gives the stack: which parameters, and what of it changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployment import ROOT
from deployment.env_lines import parse_lines
from deployment.parameters import Parameter, faults
from deployment.stages import Stage

__all__ = ["Plan", "given_parameters"]


def given_parameters(stage: Stage, parameters: Mapping[str, Parameter], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that a deployment of the stage names; of two values for one, the later source's.

    The sources are stages.toml, `.env.<stage>`, PARAMETERS (lines of NAME=value, for workflows) and variables that have a
    parameter's name. Raise ValueError for a line that cannot be read.
    """
    file = ROOT / f".env.{stage.name}"
    return {
        **stage.parameters,
        **(parse_lines(file.read_text(), file.name) if file.is_file() else {}),
        **parse_lines(environ.get("PARAMETERS", ""), "PARAMETERS"),
        **{name: environ[name] for name in parameters if name in environ},
    }


@dataclass(frozen=True)
class Plan:
    """A deployment: the parameters that it gives, and those of the stack as it is (None for a new stack)."""

    stage: Stage
    template: Mapping[str, Parameter]
    given: Mapping[str, str]
    current: Mapping[str, str] | None = None

    @property
    def values(self) -> dict[str, str]:
        """Every parameter's value after the deployment; those that nothing sets are missing."""
        defaults = {name: known.default for name, known in self.template.items() if known.default is not None}
        return {**defaults, **(self.current or {}), **self.given}

    @property
    def missing(self) -> list[str]:
        """The parameters that have no default and no value."""
        return [name for name in self.template if name not in self.values]

    def changes(self, name: str) -> bool:
        """Whether the deployment sets this parameter for the first time, or to another value."""
        return self.current is None or self.current.get(name) != self.values.get(name)

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each parameter that the deployment must not give the stack."""
        yield from faults(self.template, self.given)
        before, after = (self.current or {}).get("ListShards", "1"), self.given.get("ListShards", "1")
        if after.isdecimal() and before.isdecimal() and int(after) < int(before) and "ListShards" in self.given:
            yield (
                f"ListShards may not be lowered from {before} to {after}: the orders and customers in the other shards "
                "would disappear from the lists."
            )

    def lines(self) -> Iterator[str]:
        """Yield a line for each parameter of a new stack, or for each one that changes."""
        for name, value in self.values.items():
            if self.current is None:
                yield f"  {name} = {value!r}"
            elif name != "Release" and self.changes(name):
                before = repr(self.current[name]) if name in self.current else "new"
                yield f"  {name}: {before} -> {value!r}"
