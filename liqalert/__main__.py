"""`python -m liqalert` is the command `liqalert`."""

from __future__ import annotations

import sys

from liqalert.cli import main

sys.exit(main())
