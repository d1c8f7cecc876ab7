"""`python -m catchment.demonstration FOLDER`: write the demonstration's uploads."""

from __future__ import annotations

import sys
from pathlib import Path

from catchment.demonstration.uploads import write_uploads

if __name__ == "__main__":
    for upload in write_uploads(Path(sys.argv[1])):
        sys.stdout.write(f"{upload}\n")
