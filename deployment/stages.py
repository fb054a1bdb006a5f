"""The stages of stages.toml, and how long the name of a stack may be."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployment import ROOT

__all__ = ["STAGES", "Stage", "longest_stack_name"]

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_LONGEST_FUNCTION_NAME = 64


@dataclass(frozen=True)
class Stage:
    """One stage: the name of its stack, and the parameters that it always has."""

    name: str
    stack: str
    parameters: Mapping[str, str]


STAGES = {
    name: Stage(name, values["stack"], values["parameters"])
    for name, values in tomllib.loads((ROOT / "deployment/stages.toml").read_text()).items()
}


def longest_stack_name(template: Path) -> int:
    """Return how many characters a stack's name may have: every function's name begins with it."""
    # The translator's package is slow to import, and most readers of this module never call this.
    from samtranslator.yaml_helper import yaml_parse

    names = (
        resource["Properties"]["FunctionName"]["Fn::Sub"]
        for resource in yaml_parse(template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    )
    return _LONGEST_FUNCTION_NAME - max(len(name.removeprefix("${AWS::StackName}")) for name in names)
