"""`python -m services`: everything on one machine, behind a chat in the terminal (`make run`)."""

import sys

from services.supervisor import main

if __name__ == "__main__":
    sys.exit(main())
