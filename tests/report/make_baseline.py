"""Make the pictures in tests/report/baseline/ anew, after they were meant to change; look at them then.

python tests/report/make_baseline.py [NAME …]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.report.pictures import DPI, OF_LETTERS, PICTURES, draw

BASELINE = Path(__file__).resolve().parent / "baseline"


def main() -> None:
    BASELINE.mkdir(exist_ok=True)
    for name in sys.argv[1:] or [*PICTURES, *OF_LETTERS]:
        path = BASELINE / f"{name}.png"
        # no line on who has made it: only pixels matter
        draw(name).savefig(path, dpi=DPI, metadata={"Software": None})
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
