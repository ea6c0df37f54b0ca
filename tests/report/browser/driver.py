"""Real Chromium for tests of the page: Debian's, driven by selenium, without a network."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # nothing outside can be reached, whatever the page asks for
    "--proxy-server=127.0.0.1:9",
)
# sixty steps of the wheel over the tree, one in each frame: the time of every frame
WHEEL = """
const done = arguments[0];
const canvas = document.getElementById("tree");
const box = canvas.getBoundingClientRect();
const times = [];
let last = null;
const frame = (now) => {
  if (last !== null) times.push(now - last);
  last = now;
  if (times.length === 60) return done(times);
  const wheel = { deltaY: times.length < 30 ? -120 : 120, clientX: box.left + 200, clientY: box.top + 300 };
  canvas.dispatchEvent(new WheelEvent("wheel", { ...wheel, bubbles: true, cancelable: true }));
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
"""


def why_no_browser() -> str:
    """What is missing, or nothing."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed: apt-get install chromium chromium-driver"
    return ""


@contextmanager
def open_browser(folder: str | Path, *, size: tuple[int, int] = (1400, 1100)) -> Iterator[Any]:
    """A new Chromium, whose downloads and profile lie in a folder."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    profile = mkdtemp(prefix="profile.", dir=folder)
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        browser.set_script_timeout(60)
        yield browser
    finally:
        browser.quit()


def open_page(browser: Any, address: str, *, ready: str) -> None:
    """A fresh page in which an expression holds: under load the driver does not wait for scripts."""
    # an address that differs in its fragment alone would be the same page
    browser.get("about:blank")
    browser.get(address)
    until(lambda: browser.execute_script(f"return document.readyState === 'complete' && Boolean({ready})"))


def until(holds: Callable[[], Any], *, seconds: float = 30) -> Any:
    """What is asked for, once it is there."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.05)
    return found
