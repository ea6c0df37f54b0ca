"""The page of `carve report` in Chromium: how large, how soon drawn, how smooth.

Software rendering, no graphics card: `--disable-gpu`. A tree of 20,000 leaves in 4,000 states and 40 ages,
and one in which every leaf is a state of its own. Run with Debian's chromium and chromium-driver:

    python benchmarks/report_page.py [LEAVES]
"""

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from carving.report import write_report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.report.browser.driver import WHEEL, open_browser
from tests.trees import random_tree

LABELS = [f"population {number}" for number in range(26)]
DRAWING = """
const { picture, model } = window.carving;
const times = [];
for (let step = 0; step < 40; step++) {
  model.rows.scale(step < 20 ? 1.35 : 1 / 1.35, 0.4);
  const begin = performance.now();
  picture.draw();
  picture.context.getImageData(0, 0, 1, 1);
  times.push(performance.now() - begin);
}
return times;
"""


def measure(leaves: int, states: int) -> None:
    """Print the figures of one tree."""
    generator = np.random.default_rng(0)
    labels = {"population": generator.choice(LABELS, size=leaves).tolist()}
    tree = random_tree(leaves, generator=generator, ages=40, states=states, sites=20, labels=labels)
    with TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        begin = time.perf_counter()
        write_report(tree, page, leaves="samples", permutations=99)
        written = time.perf_counter() - begin
        size = page.stat().st_size
        names = sum(len(name.encode()) for name in tree.leaves.name)
        bound = 3e6 + names + 24 * leaves * (1 + len(labels))
        paints, frames, drawings = [], [], []
        for _ in range(3):
            with open_browser(folder) as browser:
                browser.get(page.as_uri())
                paints.append(browser.execute_script("return window.carving.firstDrawn"))
                frames += browser.execute_async_script(WHEEL)
                drawings += browser.execute_script(DRAWING)
    print(f"{leaves:,} leaves, {states:,} states, {len(tree.nodes):,} nodes")
    print(f"  written in    {written:.1f} s: {size / 1e6:.2f} MB, bound {bound / 1e6:.2f} MB")
    print(f"  first picture {median(paints):.0f} ms after the page was asked for (bar 2,000)")
    print(f"  a zoom step   {median(frames):.1f} ms, median of frames; slowest {max(frames):.0f} (bar 50)")
    print(f"  drawing alone {median(drawings):.1f} ms; slowest {max(drawings):.0f}")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    measure(count, count // 5)
    measure(count, count)
