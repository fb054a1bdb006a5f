"""Modules that libraries import at their top and hardly use: each runs when something is first read from it.

They stay as they were published; only the moment at which they run changes, as with the lazy imports of Python 3.15 (PEP 810).
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec
from threading import RLock
from typing import Any

__all__ = ["LATE", "run_late"]

# Each with the functions that libraries take from it by `from ... import`, which reads them.
LATE: dict[str, tuple[str, ...]] = {
    # pydantic looks for plug-ins, which PYDANTIC_DISABLE_PLUGINS forbids, and urllib3 for HTTP/2.
    "importlib.metadata": ("entry_points", "version"),
    # botocore reads when temporary credentials from files and commands expire.
    "dateutil.parser": ("parse",),
    # botocore's paginators and waiters.
    "jmespath": (),
    # botocore reads ~/.aws/config.
    "configparser": (),
    # urllib3 sends files in forms.
    "mimetypes": (),
}


def run_late(name: str, functions: tuple[str, ...]) -> None:
    """Let the module run when one of its names is read, or one of these functions is called. If it has run already, do nothing.

    Raise ImportError if no module has this name.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no module {name}")
    loader, module, lock, is_running = spec.loader, module_from_spec(spec), RLock(), False

    def read(attribute: str) -> Any:
        nonlocal is_running
        with lock:
            # It reads a name of its own that it does not have yet; or an import asks whether it is a package.
            if is_running or attribute == "__path__":
                raise AttributeError(f"module {name} has no attribute {attribute}")
            if vars(module).get("__getattr__") is read:
                is_running = True
                try:
                    loader.exec_module(module)
                finally:
                    is_running = False
                if vars(module)["__getattr__"] is read:
                    del module.__getattr__
        return getattr(module, attribute)

    def stand_in(function: str) -> Callable[..., Any]:
        return lambda *args, **named: read(function)(*args, **named)

    vars(module)["__getattr__"] = read
    vars(module).update({function: stand_in(function) for function in functions})
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
