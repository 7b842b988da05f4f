"""What scipy and river said, see make_golden.py."""

import json
from pathlib import Path
from typing import Any

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())
