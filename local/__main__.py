"""`python -m local`, which is what `make run` runs."""

from local.command import run
from local.supervisor import main

run(main)
