"""The rehearsed stack: how it is deployed, and what CloudFormation and Lambda hold of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployment import ROOT
from deployment.stages import STAGES
from sales.api.unmatched import ALIAS
from scripts.check.rehearsal.emulator import Emulator
from scripts.check.rehearsal.rewriting import Document, Places, of_type, rewrite
from scripts.operate.stack import Stack as Described
from scripts.operate.stack import describe, find, releases, resources

__all__ = ["BUILD", "Stack"]

BUILD = ROOT / ".aws-sam" / "build"
STAGE = "dev"
QUICK = {"Delay": 0.2}


@dataclass
class Stack:
    """The stack of the stage dev in the emulator."""

    emulator: Emulator
    name: str = STAGES[STAGE].stack
    template: Document = field(default_factory=dict)

    def deploy(
        self, parameters: Mapping[str, str], *, as_lines: bool = False, fault: bool = False, fails: bool = False
    ) -> str:
        """Run `make deploy` with these parameters and return what it printed; the others keep their values.

        They are variables of the environment or, as workflows give them, lines in PARAMETERS. With `fault` the template
        also has a resource that cannot be created. Raise RehearsalError unless the command `fails` as expected.
        """
        emulator = self.emulator
        before = self.described().parameters if self.exists() else {}
        places = Places(BUILD, emulator.url, emulator.config.sandbox_url)
        self.template = rewrite({**before, **parameters}, places)
        template = self.template if not fault else _with_a_fault(self.template)
        file = emulator.folder / "template.json"
        file.write_text(json.dumps(template, indent=1))
        target = ("make", "deploy", f"STAGE={STAGE}", "BUILT=1", f"TEMPLATE={file}")
        given = {"PARAMETERS": _lines(parameters)} if as_lines else parameters
        variables = {**given, "MAKEFLAGS": "", "RELEASE": parameters["Release"]}
        return emulator.command(*target, status=2 if fails else 0, **variables)

    def import_tables(self, tables: Mapping[str, str]) -> None:
        """Create the stack from existing tables, by logical id, as docs/operations.md says."""
        resources = {name: self.template["Resources"][name] for name in tables}
        kept = [
            {
                "ResourceType": resources[name]["Type"],
                "LogicalResourceId": name,
                "ResourceIdentifier": {"TableName": table},
            }
            for name, table in tables.items()
        ]
        client = self.emulator.client("cloudformation")
        change = {"StackName": self.name, "ChangeSetName": "tables"}
        client.create_change_set(
            **change, ChangeSetType="IMPORT", TemplateBody=json.dumps({"Resources": resources}), ResourcesToImport=kept
        )
        client.get_waiter("change_set_create_complete").wait(**change, WaiterConfig=QUICK)
        client.execute_change_set(**change)
        client.get_waiter("stack_import_complete").wait(StackName=self.name, WaiterConfig=QUICK)

    def exists(self) -> bool:
        """Return whether CloudFormation has the stack."""
        return find(self.emulator.client("cloudformation"), self.name) is not None

    def described(self) -> Described:
        """Return the stack's outputs and parameters."""
        return describe(self.emulator.client("cloudformation"), self.name)

    def status(self) -> str:
        """Return the stack's state."""
        return self.described().status

    def of_type(self, kind: str) -> list[str]:
        """Return the names of the stack's resources of a type."""
        return list(resources(self.emulator.client("cloudformation"), self.name, kind))

    def live(self) -> dict[str, dict[str, Any]]:
        """Return the configuration of each function's version in use."""
        client = self.emulator.client("lambda")
        return {
            name: client.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
            for name in self.of_type("AWS::Lambda::Function")
        }

    def releases_in_use(self) -> dict[str, str]:
        """Return the release that each function's alias names."""
        return {name: configuration["Description"] for name, configuration in self.live().items()}

    def versions(self) -> dict[str, set[int]]:
        """Return the numbers of each function's versions."""
        client = self.emulator.client("lambda")
        return {name: set(releases(client, name)) for name in self.of_type("AWS::Lambda::Function")}

    def misread(self) -> list[str]:
        """Return each variable of a function in use that differs from the parameter it is set to."""
        values = self.described().parameters
        live = self.live()
        wrong = []
        for resource in of_type(self.template, "AWS::Lambda::Function").values():
            name = resource["Properties"]["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}", self.name)
            held = live[name]["Environment"]["Variables"]
            for variable, value in resource["Properties"]["Environment"]["Variables"].items():
                if isinstance(value, dict) and value.get("Ref") in values and held[variable] != values[value["Ref"]]:
                    wrong.append(f"{name} has {variable}={held[variable]!r}, not {values[value['Ref']]!r}")
        return wrong


def _with_a_fault(template: Document) -> Document:
    """Add a second alias of the same name, which Lambda refuses after everything else has been updated."""
    aliases = of_type(template, "AWS::Lambda::Alias")
    [first, *_] = aliases.values()
    fault = {**first, "DependsOn": sorted(aliases)}
    return {**template, "Resources": {**template["Resources"], "Fault": fault}}


def _lines(parameters: Mapping[str, str]) -> str:
    r"""Return lines of NAME=value. In single quotes only a backslash and a quote need a backslash."""
    escaped = {name: re.sub(r"([\\'])", r"\\\1", value) for name, value in parameters.items()}
    return "\n".join(f"{name}='{value}'" for name, value in escaped.items())
