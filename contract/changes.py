"""Finds the changes from one contract to the next that break clients."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["breaking"]

type Schema = Mapping[str, Any]
type Seen = frozenset[tuple[Any, Any]]
_UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems")
_LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems")


def breaking(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return each change from the old document to the new one that can break a client, as a sentence.

    Clients must accept new fields, failure statuses, problem codes and other enumerated values in answers. Removing or
    narrowing what they may send, or removing what they may rely on in answers, breaks them.
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
            yield f"{where} needs the scope {', '.join(sorted(has - had))}"

    def _parameters(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        had = {(parameter["in"], parameter["name"]): parameter for parameter in old.get("parameters", ())}
        has = {(parameter["in"], parameter["name"]): parameter for parameter in new.get("parameters", ())}
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
                yield f"{where} no longer accepts {media_type}"
            else:
                yield from self._input(f"{where}: the body", content["schema"], new["content"][media_type]["schema"])

    def _answers(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, answer in old.items():
            if status not in new:
                yield f"{where} no longer answers {status}"
                continue
            current = new[status]
            if gone := _codes(answer) - _codes(current):
                yield f"{where}: {status} no longer lists {', '.join(sorted(gone))}"
            for header, described in answer.get("headers", {}).items():
                name = f"{where}: the header {header} of {status}"
                if header not in current.get("headers", {}):
                    yield f"{name} is gone"
                else:
                    had, has = self._at(self._old, described), self._at(self._new, current["headers"][header])
                    yield from self._output(name, had.get("schema", {}), has.get("schema", {}))
            for media_type, content in answer.get("content", {}).items():
                if media_type not in current.get("content", {}):
                    yield f"{where}: {status} is no longer {media_type}"
                else:
                    schema = current["content"][media_type]["schema"]
                    yield from self._output(f"{where}: {status}", content["schema"], schema)

    def _input(self, name: str, old: Schema, new: Schema, seen: Seen = frozenset()) -> Iterator[str]:
        """Requests may not be narrowed: each old form must fit into a new one."""
        if (pair := (old.get("$ref"), new.get("$ref"))) in seen and any(pair):
            return
        seen |= {pair}
        forms = self._forms(self._new, new)
        for form in self._forms(self._old, old):
            yield from _fewest(self._input_form(name, form, other, seen) for other in forms)

    def _input_form(self, name: str, old: Schema, new: Schema, seen: Seen) -> Iterator[str]:
        if "type" in new and not _fits_type(old, new):
            yield f"{name} no longer accepts {old.get('type', 'anything')}"
        had, has = _values(old), _values(new)
        if has is not None and had is None:
            yield f"{name} is limited to some values"
        elif gone := (had or set()) - (has or had or set()):
            yield f"{name} no longer accepts {', '.join(sorted(gone))}"
        yield from _outside(name, old, new, of_new=new)
        for field in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{name}: {field} is now required"
        has = new.get("properties", {})
        for field, schema in old.get("properties", {}).items():
            if field in has:
                yield from self._input(f"{name}: {field}", schema, has[field], seen)
            elif new.get("additionalProperties") is False:
                yield f"{name}: {field} is gone"
        if "items" in old and "items" in new:
            yield from self._input(f"{name}: each", old["items"], new["items"], seen)

    def _output(self, name: str, old: Schema, new: Schema, seen: Seen = frozenset()) -> Iterator[str]:
        """Answers may not be widened: each new form must fit into an old one."""
        if (pair := (old.get("$ref"), new.get("$ref"))) in seen and any(pair):
            return
        seen |= {pair}
        had, has = self._forms(self._old, old), self._forms(self._new, new)
        for form in has:
            yield from _fewest(self._output_form(name, other, form, seen) for other in had)
        # Losing null breaks no client, and a form of another type is reported above.
        gone = {str(form.get("type")) for form in had} - {str(form.get("type")) for form in has} - {"null"}
        if gone and len(has) < len(had):
            yield f"{name} is never {', '.join(sorted(gone))} any more"

    def _output_form(self, name: str, old: Schema, new: Schema, seen: Seen) -> Iterator[str]:
        if "type" in old and not _fits_type(new, old):
            yield f"{name} may now be {new.get('type', 'anything')}"
        had, has = _values(old), _values(new)
        if had is not None and has is None:
            yield f"{name} may now be anything"
        elif gone := (had or set()) - (has or set()):
            yield f"{name} is never {', '.join(sorted(gone))} any more"
        yield from _outside(name, new, old, of_new=new)
        for field, schema in old.get("properties", {}).items():
            kept = new.get("properties", {}).get(field)
            if kept is None:
                yield f"{name}: {field} is gone"
                continue
            if field in old.get("required", ()) and field not in new.get("required", ()):
                yield f"{name}: {field} may now be left out"
            yield from self._output(f"{name}: {field}", schema, kept, seen)
        if "items" in old:
            yield from self._output(f"{name}: each", old["items"], new.get("items", {}), seen)

    @staticmethod
    def _at(document: Mapping[str, Any], described: Schema) -> Schema:
        """Return the target of a reference."""
        while "$ref" in described:
            target: Any = document
            for part in described["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            described = target
        return described

    @staticmethod
    def _forms(document: Mapping[str, Any], schema: Schema) -> list[Schema]:
        """Return the alternatives in a schema (anyOf, oneOf, lists of types), each with at most one type."""
        schema = _Comparison._at(document, schema)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                rest = {key: value for key, value in schema.items() if key != several}
                branches = (_Comparison._at(document, branch) for branch in schema[several])
                return [form for branch in branches for form in _Comparison._forms(document, {**rest, **branch})]
        if isinstance(schema.get("type"), list):
            return [{**schema, "type": kind} for kind in schema["type"]]
        return [schema]


def _fewest(complaints: Iterable[Iterator[str]]) -> list[str]:
    """Return the shortest list of complaints: none if a form fits into any of the others."""
    return min(map(list, complaints), key=len, default=[])


def _fits_type(inner: Schema, outer: Schema) -> bool:
    had, has = inner.get("type"), outer.get("type")
    return "type" not in inner or "type" not in outer or had == has or (had, has) == ("integer", "number")


def _values(schema: Schema) -> set[str] | None:
    """Return the values that the schema allows, or None for any."""
    if "const" in schema:
        return {str(schema["const"])}
    return {str(value) for value in schema["enum"]} if "enum" in schema else None


def _outside(name: str, inner: Schema, outer: Schema, *, of_new: Schema) -> Iterator[str]:
    """Yield limits, patterns and formats with which the inner schema allows what the outer one does not."""
    for limit in (*_UPPER, *_LOWER):
        if limit in outer and (
            limit not in inner or (inner[limit] > outer[limit] if limit in _UPPER else inner[limit] < outer[limit])
        ):
            yield f"{name}: {limit} is now {of_new.get(limit, 'gone')}"
    if "pattern" in outer and not _pattern_fits(inner.get("pattern"), outer["pattern"]):
        yield f"{name} has another pattern"
    if "format" in outer and inner.get("format") != outer["format"]:
        yield f"{name} has another format"


def _pattern_fits(inner: str | None, outer: str) -> bool:
    # Patterns cannot be compared in general. One with another alternative at its end accepts at least as much.
    return inner is not None and (inner == outer or outer.startswith(f"{inner}|"))


def _codes(answer: Schema) -> set[str]:
    """Return the problem codes that the description of an answer lists."""
    return set(re.findall(r"^\* `([a-z_]+)`:", answer.get("description", ""), re.MULTILINE))
