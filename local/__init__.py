"""The whole system on one machine; for development and tests, never deployed."""

import sys
from pathlib import Path

# The package sales, which a Lambda layer puts on the path in the functions.
sys.path.insert(0, str(Path(__file__).parent.parent / "shared"))
