from __future__ import annotations

import sys
from pathlib import Path

# the builder of tiny runs is shared with tests/real and tests/demonstration
sys.path.insert(0, str(Path(__file__).parent))
