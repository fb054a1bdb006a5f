"""Has checkov look at the template as CloudFormation gets it: in the source its checks of IAM see nothing."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from deployment.template import transform

ROOT = Path(__file__).resolve().parents[2]

# With everything in it that a parameter can bring.
PARAMETERS = {
    "OktaIssuer": "https://example.okta.com/oauth2/default",
    "CanaryDeployment": "true",
    "AlarmEmail": "operations@example.com",
}


def main() -> int:
    """The exit status of checkov: 0 when it found nothing."""
    document = transform((ROOT / "template.yaml").read_bytes(), PARAMETERS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "transformed.json"
        file.write_text(json.dumps(document, indent=1))
        checkov = ROOT / ".venv-lint" / "bin" / "checkov"
        command = [str(checkov), "--config-file", str(ROOT / ".checkov.yaml"), "--file", str(file)]
        found = subprocess.run(command, check=False, capture_output=True, text=True)
    # Quiet also when nothing was scanned at all: then it does not say how much passed.
    print(found.stdout, end="")
    if found.returncode or "Passed checks: 0" in found.stdout:
        print(found.stderr, end="", file=sys.stderr)
        return found.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
