"""Fetches d3, the only part of the page that is not ours, from the npm registry; needs npm.

python fetch_d3.py            put d3.min.js and its licence beside this file
python fetch_d3.py --check    only see whether they are the ones that this version names
"""

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

VERSION = "7.9.2"
# file in the package: its name here, and its SHA-256
FILES = {
    "package/dist/d3.min.js": (
        "d3.min.js",
        "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1",
    ),
    "package/LICENSE": ("d3.LICENSE", "2a6d2d5f32ba0b755ddbc1c833f766e30cdbe6ebe9a6d4e3e24427721f0b63d3"),
}
HERE = Path(__file__).resolve().parent


def check(name: str, content: bytes, digest: str) -> None:
    """End the program unless the content is the one expected."""
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        sys.exit(f"{name}: SHA-256 is {found}, but that of d3 {VERSION} is {digest}")


def fetch() -> dict[str, bytes]:
    """The files as the registry gives them."""
    with TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", f"d3@{VERSION}", "--silent"], cwd=folder, check=True)
        with tarfile.open(Path(folder) / f"d3-{VERSION}.tgz") as package:
            members = {path: package.extractfile(path) for path in FILES}
            return {path: member.read() for path, member in members.items() if member is not None}


def main() -> None:
    """Fetch or check, as the arguments say."""
    if "--check" in sys.argv[1:]:
        contents = {path: (HERE / name).read_bytes() for path, (name, _) in FILES.items()}
    else:
        contents = fetch()
    for path, (name, digest) in FILES.items():
        check(name, contents[path], digest)
        (HERE / name).write_bytes(contents[path])


if __name__ == "__main__":
    main()
