"""`python -m tests.mutants [-j N] [NAME …]`."""

import sys

from tests.mutants.run import main

sys.exit(main())
