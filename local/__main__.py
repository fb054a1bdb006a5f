"""`python -m local`, which is what `make run` runs."""

import sys

from local.supervisor import main

sys.exit(main())
