"""`python -m speechtutor` is the command `speechtutor`."""

import sys

from speechtutor.cli import main

sys.exit(main())
