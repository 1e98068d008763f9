"""`python -m vlmtui`."""

import sys

from vlmtui.cli import main

if __name__ == "__main__":
    sys.exit(main())
