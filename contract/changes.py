"""What a new contract takes away from clients of an old one."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["breaking"]

type Schema = Mapping[str, Any]
# Of an input: what may become larger but not smaller, and the other way round.
_UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems")
_LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems")


def breaking(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Each change from the old document to the new one that can break a client, as a sentence.

    Clients must take fields, statuses of failure and enumerated values of answers that are new; taking away or
    narrowing what they may send, or what they may rely on getting, breaks them.
    """
    return list(_Comparison(old, new).operations())


class _Comparison:
    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old
        self._new = new

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, old in methods.items():
                where = f"{method.upper()} {path}"
                new = self._new["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{where} is gone"
                    continue
                yield from self._scopes(where, old, new)
                yield from self._parameters(where, old, new)
                yield from self._body(where, old.get("requestBody"), new.get("requestBody"))
                yield from self._answers(where, old["responses"], new["responses"])

    def _scopes(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        had = {scope for entry in old.get("security", ()) for scope in entry.get("okta", ())}
        has = {scope for entry in new.get("security", ()) for scope in entry.get("okta", ())}
        if has - had:
            yield f"{where} asks for the scope {', '.join(sorted(has - had))}"

    def _parameters(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        had = {(each["in"], each["name"]): each for each in old.get("parameters", ())}
        has = {(each["in"], each["name"]): each for each in new.get("parameters", ())}
        for key, parameter in had.items():
            name = f"{where}: the {key[0]} parameter {key[1]}"
            if key not in has:
                yield f"{name} is gone"
            else:
                if has[key].get("required") and not parameter.get("required"):
                    yield f"{name} is now required"
                yield from self._input(name, parameter["schema"], has[key]["schema"])
        for key, parameter in has.items():
            if key not in had and parameter.get("required"):
                yield f"{where}: the {key[0]} parameter {key[1]} is new and required"

    def _body(self, where: str, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if old is None:
            if new and new.get("required"):
                yield f"{where} now needs a body"
            return
        for media_type, content in old["content"].items():
            if new is None or media_type not in new["content"]:
                yield f"{where} no longer takes {media_type}"
            else:
                yield from self._input(f"{where}: the body", content["schema"], new["content"][media_type]["schema"])

    def _answers(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, answer in old.items():
            if not status.startswith("2"):
                continue
            if status not in new:
                yield f"{where} no longer answers {status}"
                continue
            for header in answer.get("headers", {}):
                if header not in new[status].get("headers", {}):
                    yield f"{where}: the header {header} of {status} is gone"
            for media_type, content in answer.get("content", {}).items():
                there = new[status].get("content", {}).get(media_type)
                if there is None:
                    yield f"{where}: {status} is no longer {media_type}"
                else:
                    yield from self._output(f"{where}: {status}", content["schema"], there["schema"], frozenset())

    def _input(self, name: str, old: Schema, new: Schema, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """What may be sent must not get less."""
        if (ref := str(old.get("$ref", ""))) in seen and ref:
            return
        seen |= {ref}
        old, new = self._resolve(self._old, old), self._resolve(self._new, new)
        if missing := _types(old) - _types(new):
            yield f"{name} no longer takes {', '.join(sorted(missing))}"
        if "enum" in new and (
            gone := {str(each) for each in old.get("enum", ())} - {str(each) for each in new["enum"]}
        ):
            yield f"{name} no longer takes {', '.join(sorted(gone))}"
        if "enum" in new and "enum" not in old:
            yield f"{name} is limited to some values"
        for limit in (*_UPPER, *_LOWER):
            if limit in new and (
                limit not in old or (new[limit] < old[limit] if limit in _UPPER else new[limit] > old[limit])
            ):
                yield f"{name}: {limit} is now {new[limit]}"
        if "pattern" in new and new["pattern"] != old.get("pattern"):
            yield f"{name} has another pattern"
        had, has = old.get("properties", {}), new.get("properties", {})
        for field in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{name}: {field} is now required"
        for field, schema in had.items():
            if field in has:
                yield from self._input(f"{name}: {field}", schema, has[field], seen)
            elif new.get("additionalProperties") is False:
                yield f"{name}: {field} is gone"

    def _output(self, name: str, old: Schema, new: Schema, seen: frozenset[str]) -> Iterator[str]:
        """What comes back must not get less, nor of another kind."""
        if (ref := str(old.get("$ref", ""))) in seen and ref:
            return
        seen |= {ref}
        old, new = self._resolve(self._old, old), self._resolve(self._new, new)
        if added := _types(new) - _types(old):
            yield f"{name} may now be {', '.join(sorted(added))}"
        for field, schema in old.get("properties", {}).items():
            there = new.get("properties", {}).get(field)
            if there is None:
                yield f"{name}: {field} is gone"
                continue
            if field in old.get("required", ()) and field not in new.get("required", ()):
                yield f"{name}: {field} may now be left out"
            yield from self._output(f"{name}: {field}", schema, there, seen)
        if "items" in old:
            yield from self._output(f"{name}: each", old["items"], new.get("items", {}), seen)

    @staticmethod
    def _resolve(document: Mapping[str, Any], schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        # One of several, or null: the one that has a shape tells the most.
        if "anyOf" in schema:
            shapes = [each for each in schema["anyOf"] if each.get("type") != "null"]
            resolved = [_Comparison._resolve(document, shape) for shape in shapes]
            types = sorted({name for each in (*resolved, *schema["anyOf"]) for name in _types(each)})
            return {**(resolved[0] if len(resolved) == 1 else {}), "type": types}
        return schema


def _types(schema: Schema) -> set[str]:
    found = schema.get("type", ())
    return {found} if isinstance(found, str) else set(found)
