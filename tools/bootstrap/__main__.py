"""`python3 tools/bootstrap ...`; script/bootstrap is the usual way in."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bootstrap.cli import main  # noqa: E402

sys.exit(main(Path(__file__).resolve().parent.parent.parent, sys.argv[1:]))
