"""Brings an organisation's objects to what they should be: found by name, else created, else changed where they differ.

The same walk plans and acts, so that the plan is what happens. While it plans, an object that does not exist yet has the id
`NEW`, and its children are all new.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scripts.okta.api import Api, Document, OktaError

__all__ = ["NEW", "Kind", "Step", "Walk", "differences", "merged"]

NEW = "(new)"
# The largest page that Okta gives.
_PAGE = "200"
# Okta's word for every client of a policy. An allow-list that we extend never keeps it.
ALL_CLIENTS = "ALL_CLIENTS"
# Okta writes these itself.
_READ_ONLY = ("id", "created", "createdBy", "lastUpdated", "lastUpdatedBy", "_links", "_embedded")


@dataclass(frozen=True)
class Kind:
    """A kind of object: its name, the role that may change it, and where its own name is.

    Lists named in `additive` keep values that administrators added. Lists of a kind that is not `paged` come whole.
    Okta cannot change values named in `fixed`.
    """

    title: str
    role: str
    name_of: Callable[[Document], Any]
    counts: Callable[[Document], bool] = lambda _: True
    additive: frozenset[str] = frozenset()
    paged: bool = True
    fixed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """One object, and what happens to it: `create`, `change`, `activate` or `keep`."""

    verb: str
    kind: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"  {self.verb:8} {self.kind:20} {self.name}" + (f" ({self.detail})" if self.detail else "")


@dataclass
class Walk:
    """One pass over all objects. Only with `act` does it change anything."""

    api: Api
    act: bool
    steps: list[Step] = field(default_factory=list)

    def read(self, path: str, kind: Kind, **query: str) -> list[Document]:
        """Return the objects at this path. A parent that does not exist yet has none."""
        if NEW in path:
            return []
        size = {"limit": _PAGE} if kind.paged else {}
        return self.api.read(path, kind.role, **size, **query)

    def named(self, path: str, kind: Kind, name: str, **query: str) -> Document | None:
        """Return the object with this name. Raise `OktaError` if there are several."""
        matches = [each for each in self.read(path, kind, **query) if kind.counts(each) and kind.name_of(each) == name]
        if len(matches) > 1:
            ids = ", ".join(str(each["id"]) for each in matches)
            raise OktaError(
                f"{len(matches)} objects of the kind {kind.title} are called {name} ({ids}). Rename or delete all but one; nothing was changed."
            )
        return matches[0] if matches else None

    def ensure(
        self, kind: Kind, path: str, name: str, body: Document, initial: Document | None = None, **query: str
    ) -> Document:
        """Return the object with this name, created or changed if it must be.

        `initial` holds what only a new object gets: later it belongs to the organisation's administrators.
        """
        stored = self.named(path, kind, name, **query)
        if stored is None:
            self.steps.append(Step("create", kind.title, name))
            wanted: Document = merged(body, initial or {}, frozenset())
            return self.api.create(path, wanted, kind.role) if self.act else wanted | {"id": NEW}
        return self._changed(kind, f"{path}/{stored['id']}", name, stored, body)

    def _changed(self, kind: Kind, path: str, name: str, stored: Document, body: Document) -> Document:
        wanted: Document = merged(stored, body, kind.additive)
        changes = list(differences(stored, wanted))
        for change in kind.fixed.intersection(changes):
            raise OktaError(
                f"There is another {kind.title} called {name}: its {change.rpartition('.')[2]} differs. Rename it, then try again."
            )
        inactive = stored.get("status") == "INACTIVE"
        if changes:
            self.steps.append(Step("change", kind.title, name, ", ".join(changes)))
            if self.act:
                writable = {key: value for key, value in wanted.items() if key not in _READ_ONLY}
                wanted = self.api.replace(path, writable, kind.role)
        if inactive:
            self.steps.append(Step("activate", kind.title, name))
            if self.act:
                self.api.act(f"{path}/lifecycle/activate", kind.role)
        if not (changes or inactive):
            self.steps.append(Step("keep", kind.title, name))
        return wanted

    def assign(self, kind: Kind, application: Document, group: Document, name: str) -> None:
        """Let the members of a group use an application."""
        path = f"apps/{application['id']}/groups"
        if any(each["id"] == group["id"] for each in self.read(path, kind)):
            self.steps.append(Step("keep", kind.title, name))
            return
        self.steps.append(Step("create", kind.title, name))
        if self.act:
            self.api.replace(f"{path}/{group['id']}", {}, kind.role)


def merged(stored: Any, wanted: Any, additive: frozenset[str], key: str = "") -> Any:
    """Return the stored value with what is wanted in it, and itself where it says the same.

    Lists are sets, because their order means nothing to Okta.
    """
    if isinstance(wanted, dict):
        values = stored if isinstance(stored, dict) else {}
        return values | {name: merged(values.get(name), value, additive, name) for name, value in wanted.items()}
    if isinstance(wanted, list):
        base = stored if isinstance(stored, list) else []
        if key in additive:
            kept = [value for value in base if value != ALL_CLIENTS]
            return kept + [value for value in wanted if value not in kept]
        same = all(value in base for value in wanted) and all(value in wanted for value in base)
        return stored if same and stored is not None else wanted
    return wanted


def differences(stored: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Yield the names of the values that differ. A missing value is the same as an empty one."""
    if isinstance(wanted, dict):
        base = stored if isinstance(stored, dict) else {}
        for name, value in wanted.items():
            yield from differences(base.get(name), value, f"{path}.{name}" if path else name)
    elif stored != wanted and (stored or wanted not in (None, [], {})):
        yield path
