"""``carve serve`` as a process of its own, at a port that is free."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Running(NamedTuple):
    """A service: where it listens, and its process."""

    address: str
    process: subprocess.Popen

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def peak_memory(self) -> int:
        """Most bytes that it has had in memory so far."""
        return self._bytes("VmHWM")

    @property
    def memory(self) -> int:
        """Bytes that it has in memory."""
        return self._bytes("VmRSS")

    def _bytes(self, field: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field))


def start(workspace: Path, *options: str, token: str = "") -> Running:
    """Start one; whoever does so ends it."""
    command = [
        sys.executable,
        "-m",
        "carving_cli",
        "serve",
        str(workspace),
        "--port",
        "0",
        "--json",
        *options,
    ]
    environment = {**os.environ, "CARVING_TOKEN": token, "OMP_NUM_THREADS": "1"}
    with open(workspace.parent / f"{workspace.name}.log", "ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
    assert process.stdout is not None
    summary = b"".join(iter(process.stdout.readline, b"}\n"))
    process.stdout.close()
    assert summary, (workspace.parent / f"{workspace.name}.log").read_text()
    return Running(json.loads(summary + b"}")["address"], process)


@contextmanager
def running(workspace: Path, *options: str, token: str = "") -> Iterator[Running]:
    """A service that ends with the block."""
    service = start(workspace, *options, token=token)
    try:
        yield service
    finally:
        service.process.terminate()
        try:
            service.process.wait(20)
        except subprocess.TimeoutExpired:
            service.process.kill()
            service.process.wait()
            raise
