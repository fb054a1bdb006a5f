"""`python -m local`, which is what `make run` runs."""

from local.commands.cli import run
from local.system.supervisor import main

run(main)
