"""`python -m mpvnc`: the same as `mpvnc-supervisor`."""

import sys

from mpvnc.cli import main

if __name__ == "__main__":
    sys.exit(main())
