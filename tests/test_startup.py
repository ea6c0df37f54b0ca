"""Start-up counts: what is not used is not imported."""

import json
import subprocess
import sys

import pytest

HEAVY = {"dask", "ete3", "h5py", "matplotlib", "networkx", "pandas", "scipy", "sklearn", "torch", "zarr"}


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def modules_after(statement: str) -> set[str]:
    """The top-level modules of a fresh interpreter that has run the statement."""
    script = f"""
import json, sys
try:
    {statement}
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""
    return set(json.loads(run_python(script).stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import carving",
        "import carving.export",
        "import carving_cli.main",
        "from carving_cli.main import main; main(['--help'])",
        "from carving_cli.main import main; main(['build-tree', '--help'])",
        "from carving_cli.main import main; main(['--version'])",
    ],
)
def test_heavy_packages_are_imported_only_when_used(statement):
    assert modules_after(statement) & HEAVY == set()


def test_every_public_name_can_be_had():
    run_python("import carving\nfor name in carving.__all__: getattr(carving, name)")
