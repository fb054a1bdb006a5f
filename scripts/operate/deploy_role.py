"""Create or update the role that the repository's workflows use to deploy a stage; `make deploy-role` runs it.

An administrator runs it once for each stage. REPOSITORY (owner/name) and PROVIDER (the ARN of GitHub's OIDC provider, if the
account has it) come from the environment.

  python -m scripts.operate.deploy_role [--stage prod]
"""

import os
import sys

from deployment import ROOT
from deployment.parameters import faults, read_parameters
from deployment.stages import STAGES
from scripts.operate import sam
from scripts.operate.stack import parser

TEMPLATE = ROOT / ".github/aws-role.yaml"


def main() -> int:
    """Deploy the role with the credentials and region of the environment."""
    arguments = parser(__doc__)
    arguments.add_argument("--stage", choices=STAGES, default="prod")
    stage = STAGES[arguments.parse_args().stage]
    given = {
        "Repository": os.environ.get("REPOSITORY", ""),
        "Stage": stage.name,
        "StackName": stage.stack,
        "ProviderArn": os.environ.get("PROVIDER", ""),
    }
    if wrong := list(faults(read_parameters(TEMPLATE), given)):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    return sam.deploy(TEMPLATE, f"deploy-{stage.stack}", given, {"application": "sales"}, named_iam=True)


if __name__ == "__main__":
    sys.exit(main())
