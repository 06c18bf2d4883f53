"""`python -m overtide` is the `overtide` command."""

import sys

from overtide.cli import main

if __name__ == "__main__":
    sys.exit(main())
