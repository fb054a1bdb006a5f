"""The ports that tests and benches reserve for their systems."""

import subprocess
import sys
from pathlib import Path

from tests.support.system import free_ports

ROOT = Path(__file__).parents[3]


def test_concurrent_callers_get_different_free_ports() -> None:
    code = "from tests.support.system import free_ports; print(*[free_ports() for _ in range(10)]); input()"
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    try:
        given = [int(port) for each in asked for port in (each.stdout or sys.exit()).readline().split()]
        mine = [free_ports() for _ in range(10)]
    finally:
        for each in asked:
            each.communicate("\n")
    assert len(given) == 40
    assert len({*given, *mine}) == len(given) + len(mine)
