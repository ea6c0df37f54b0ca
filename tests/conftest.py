"""What all tests share: where the real data lie, and how hypothesis looks for examples."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# with one process a core, more threads would only wait for each other; torch reads this when it is imported
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parent.parent

# The same examples in every run, so that a failure is the change's own and can be seen again.
# HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile(
    "repeat",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Call slow what ``one_in`` leaves to `make test-slow`."""
    cases: Counter[str] = Counter()
    for item in items:
        marker = item.get_closest_marker("one_in")
        if marker is None:
            continue
        test = item.nodeid.partition("[")[0]
        if cases[test] % marker.args[0]:
            item.add_marker(pytest.mark.slow)
        cases[test] += 1


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data, which is no part of the repository."""
    folder = Path(os.environ.get("CARVING_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data at {folder}; say where they are with CARVING_SHARED")
    return folder
