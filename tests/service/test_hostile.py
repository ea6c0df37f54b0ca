"""Hostile requests to a service that runs: it never leaves the workspace, bounds its memory, and goes on."""

import hashlib
import os
import socket
from collections import Counter
from pathlib import Path

import httpx
import pytest

from carving.service import Settings
from tests.service.hostile import SECRET, requests
from tests.service.process import running
from tests.service.workspaces import make_workspace

ROOM = 200 * 2**20


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with links out of it, and a secret beside it."""
    folder, outside = tmp_path / "workspace", tmp_path / "outside"
    for each in (folder, outside):
        each.mkdir()
        make_workspace(each)
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (folder / "link").symlink_to(tmp_path)
    (folder / "linked-tree").symlink_to(outside / "tree")
    (folder / "loop").symlink_to(folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file, but for what the service keeps for itself and its log."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".carving" not in path.parts and path.suffix != ".log"
    }


def answer_of(port: int, request: bytes) -> bytes:
    """Everything that comes back; a service may also hang up."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        parts = []
        try:
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


def attack(workspace: Path, count: int, seed: int) -> Counter:
    """Send them all; what they were answered, by the status."""
    before, statuses = contents(workspace.parent), Counter()
    with running(workspace) as service:
        httpx.get(f"{service.address}/api/v1/trees")
        usual = {"samples": [[0] * 24]}
        httpx.post(
            f"{service.address}/api/v1/trees/tree/placements", json=usual, timeout=60
        ).raise_for_status()
        at_rest = service.memory
        for kind, request in requests(count, seed):
            answer = answer_of(service.port, request)
            status = answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "none"
            statuses[status] += 1
            assert SECRET not in answer, (kind, request[:300])
            assert b"root:" not in answer, (kind, request[:300])
            assert str(workspace.parent).encode() not in answer, (kind, answer[:500])
            # 501 is said of methods and encodings that nobody knows; 503 of having too much to do
            assert not status.startswith("5"), (kind, request[:300], answer[:500])
            assert service.process.poll() is None, (kind, request[:300])
        limit = Settings().upload_bytes
        assert service.peak_memory - at_rest <= limit + ROOM
        assert httpx.get(f"{service.address}/health").status_code == 200
    after = contents(workspace.parent)
    assert {name: digest for name, digest in after.items() if name in before} == before
    # what jobs with plain names have made is inside
    assert all(name.startswith("workspace" + os.sep) for name in set(after) - set(before))
    return statuses


def test_hostile_requests(workspace):
    statuses = attack(workspace, 36, seed=0)
    assert statuses["200"] < 12
    assert sum(statuses.values()) == 36


@pytest.mark.slow
def test_five_thousand_hostile_requests(workspace):
    assert sum(attack(workspace, 5000, seed=1).values()) == 5000
