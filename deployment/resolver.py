"""CloudFormation's intrinsic functions and conditions, resolved for one stack on this machine."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from deployment import ACCOUNT, REGION, STACK

__all__ = ["Resolver"]


class Resolver:
    """Resolves values of one document. Calling it raises ValueError for a name or function that it does not know."""

    def __init__(self, document: dict[str, Any], parameters: Mapping[str, str]) -> None:
        self._document = document
        self._resources = document["Resources"]
        self._values: dict[str, Any] = {
            "AWS::StackName": STACK,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
        }
        for name, parameter in document.get("Parameters", {}).items():
            if name not in parameters and "Default" not in parameter:
                raise ValueError(f"the template's parameter {name} has no value")
            self._values[name] = str(parameters.get(name, parameter.get("Default")))
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Fn::GetAtt": self._getatt,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
        }

    def __call__(self, value: Any) -> Any:
        """Return the value with every intrinsic function resolved; AWS::NoValue removes its entry."""
        if isinstance(value, list):
            return [resolved for element in value if (resolved := self(element)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if resolve := self._functions.get(name):
                return resolve(argument)
        return {key: resolved for key, element in value.items() if (resolved := self(element)) is not None}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self._resources:
            raise ValueError(f"the template refers to {name}, which it does not define")
        resource = self._resources[name]
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::DynamoDB::Table":
            return self(properties.get("TableName")) or f"{STACK}-{name.removesuffix('Table').lower()}"
        if kind == "AWS::Lambda::Function":
            return self(properties.get("FunctionName")) or f"{STACK}-{name}"
        if kind == "AWS::Lambda::Alias":
            return f"{self._arn(properties['FunctionName']['Ref'])}:{properties['Name']}"
        return name

    def _getatt(self, argument: Any) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if attribute == "StreamArn":
            return f"{self._arn(name)}/stream/2026-01-01T00:00:00.000"
        return self._arn(name) if attribute == "Arn" else f"{name}.{attribute}"

    def _arn(self, name: str) -> str:
        kind = self._resources[name]["Type"]
        prefix = f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}"
        if kind == "AWS::DynamoDB::Table":
            return f"{prefix}:table/{self._ref(name)}"
        return (
            f"{prefix}:function:{self._ref(name)}" if kind == "AWS::Lambda::Function" else f"{prefix}:{self._ref(name)}"
        )

    def _sub(self, argument: Any) -> str:
        text, extra = argument if isinstance(argument, list) else (argument, {})

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name in extra:
                return str(self(extra[name]))
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^!][^}]*)\}", fill, text).replace("${!", "${")

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(str(part) for part in self(parts))

    def _if(self, argument: Any) -> Any:
        condition, yes, no = argument
        return self(yes if self.holds(condition) else no)

    def holds(self, condition: Any) -> bool:
        """Whether a condition, given whole or by name, is true for this stack."""
        if isinstance(condition, str):
            return self.holds(self._document["Conditions"][condition])
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                left, right = self(argument)
                return bool(left == right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(operand) for operand in argument)
            case "Fn::Or":
                return any(self.holds(operand) for operand in argument)
        raise ValueError(f"the template reader does not know the condition {name}")
