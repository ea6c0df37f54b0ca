"""SIGKILL at random moments with jobs running: every accepted job ends exactly once, nothing half is seen."""

import itertools
import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carving import build_tree, fixed_points, open_checkpoints, train
from carving.meanfield import FixedPoints
from carving.service import Workspace
from carving.service.jobs._supervisor import MOST_CRASHES
from carving.tree import Tree
from tests.service.job_kinds import note
from tests.service.workspaces import make_workspace
from tests.tree.runs import pattern_samples

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 600.0
TRAINING = {"hidden": 3, "updates": 400, "save": "linear:40", "chains": 20, "batch_size": 20, "k": 1}
# notes are quick, so that kills meet every part of a job's life
KINDS, SHARES = ("note", "build-tree", "train", "fixed-points"), (0.7, 0.1, 0.1, 0.1)
# counts every change of a job from a state that is not final to one that is
AUDIT = """
CREATE TABLE endings (id TEXT, before TEXT, state TEXT);
CREATE TRIGGER count_endings AFTER UPDATE OF state ON jobs
WHEN NEW.state IN ('done', 'failed', 'cancelled') OR OLD.state IN ('done', 'failed', 'cancelled')
BEGIN INSERT INTO endings VALUES (NEW.id, OLD.state, NEW.state); END;
"""


class Service:
    """A service that may be killed, and what it has said."""

    def __init__(self, folder: Path, log: Path) -> None:
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.service.job_service", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=REPOSITORY,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        self.answers: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.answers.put(tuple(json.loads(line)))
            except ValueError:
                # it was killed while it wrote
                return

    def ask(self, key: str, kind: str, parameters: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps([key, kind, parameters]).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return

    def workers(self) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return found

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def end(self) -> None:
        """Let it end when all jobs have ended."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.wait()

    def wait(self) -> None:
        self.process.wait(PATIENCE)
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue


class Expected:
    """What jobs make in the end, by the library itself."""

    def __init__(self, folder: Path, work: Path) -> None:
        self._folder, self._work = folder, work

    @cached_property
    def tree(self) -> Tree:
        run = open_checkpoints(self._folder / "checkpoints")
        assert run.samples is not None
        return build_tree(run, run.samples, names=run.names)

    @cached_property
    def points(self) -> FixedPoints:
        run = open_checkpoints(self._folder / "checkpoints")
        return fixed_points(run[-1], run.samples)

    @cached_property
    def training(self) -> str:
        return train(pattern_samples(40, seed=1), self._work / "trained", **TRAINING).fingerprint

    def check(self, workspace: Workspace, name: str) -> None:
        """Whether a result that is seen is whole, and the right one."""
        if name.startswith("tree-"):
            # which checks every number's digest
            tree = workspace.tree(name)
            assert np.array_equal(tree.nodes.visible, self.tree.nodes.visible)
            assert np.array_equal(tree.leaves.node, self.tree.leaves.node)
        elif name.startswith("run-"):
            run = workspace.store(name)
            run.verify()
            assert run.fingerprint == self.training
        elif name.startswith("note-"):
            lines = int(name.split("-")[1])
            assert (workspace.folder / name / "tree.zarr/note.txt").read_text() == note.text(lines)
        else:
            raise AssertionError(name)

    def check_file(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as found:
            assert np.array_equal(found["visible"], self.points.visible.numpy())


def submissions(draw: np.random.Generator, *, only_notes: bool):
    """Jobs without end: key, kind, parameters."""
    for number in itertools.count():
        lines = int(draw.integers(1, 300))
        kind = "note" if only_notes else draw.choice(KINDS, p=SHARES)
        parameters = {
            "note": {"output": f"note-{lines}-{number}", "lines": lines, "pause": 0.001},
            "build-tree": {"store": "checkpoints", "output": f"tree-{number}"},
            "train": {"samples": {"file": "new.npz"}, "output": f"run-{number}", **TRAINING},
            "fixed-points": {"store": "checkpoints"},
        }[kind]
        yield f"key-{number}", str(kind), parameters


def visible(folder: Path) -> list[str]:
    """Results that can be seen."""
    others = {"checkpoints", "sequences", "tree", "families", "new.npz"}
    return [name for name in os.listdir(folder) if not name.startswith(".") and name not in others]


def kill_again_and_again(
    tmp_path: Path, *, kills: int, seed: int, only_notes: bool, longest: float
) -> Counter:
    """Kill services and workers; how their jobs ended."""
    folder, log = tmp_path / "workspace", tmp_path / "log.txt"
    folder.mkdir()
    if not only_notes:
        make_workspace(folder)
        np.savez(folder / "new.npz", samples=pattern_samples(40, seed=1))
    expected = Expected(folder, tmp_path)
    draw = np.random.default_rng(seed)
    most = 3 if only_notes else 8
    jobs = submissions(draw, only_notes=only_notes)
    asked: dict[str, tuple[str, dict[str, Any]]] = {}
    accepted: dict[str, str] = {}
    checked: set[str] = set()

    def listen(service: Service, least: int = 0) -> None:
        heard = 0
        while heard < least or not service.answers.empty():
            key, id = service.answers.get(timeout=PATIENCE)
            heard += 1
            if id is not None:
                # the same key is the same job, whoever was killed in between
                assert accepted.setdefault(key, id) == id

    def look() -> None:
        workspace = Workspace(folder)
        for name in set(visible(folder)) - checked:
            expected.check(workspace, name)
            checked.add(name)

    first = Service(folder, log)
    first.ask("first", "note", {"output": "note-1-first", "lines": 1})
    first.end()
    listen(first)
    with sqlite3.connect(folder / ".carving/jobs.sqlite") as database:
        database.executescript(AUDIT)
    database.close()

    service = Service(folder, log)
    try:
        listen(service, 1)
        for _ in range(kills):
            # what was not answered is asked again, with the same key
            for key, (kind, parameters) in asked.items():
                if key not in accepted:
                    service.ask(key, kind, parameters)
            while sum(key not in accepted for key in asked) < 3 and unfinished(folder) < most:
                key, kind, parameters = next(jobs)
                asked[key] = kind, parameters
                service.ask(key, kind, parameters)
            time.sleep(draw.uniform(0, longest))
            workers = service.workers()
            if workers and draw.random() < 0.4:
                kill_one(int(draw.choice(workers)))
                time.sleep(draw.uniform(0, longest / 4))
                listen(service)
            else:
                service.kill()
                listen(service)
                look()
                service = Service(folder, log)
                # which says that it is ready
                listen(service, 1)
        for key, (kind, parameters) in asked.items():
            if key not in accepted:
                service.ask(key, kind, parameters)
        service.end()
        listen(service)
    finally:
        if service.process.poll() is None:
            service.kill()
    look()
    return judged(folder, accepted, asked, expected)


def kill_one(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def unfinished(folder: Path) -> int:
    database = sqlite3.connect(f"{(folder / '.carving/jobs.sqlite').as_uri()}?mode=ro", uri=True)
    try:
        return database.execute("SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')").fetchone()[
            0
        ]
    finally:
        database.close()


def judged(folder: Path, accepted: dict[str, str], asked: dict[str, Any], expected: Expected) -> Counter:
    database = sqlite3.connect(folder / ".carving/jobs.sqlite")
    rows = database.execute("SELECT id, key, kind, state, output, error, crashes FROM jobs").fetchall()
    endings = Counter(
        id for id, before, _ in database.execute("SELECT * FROM endings") if before in ("waiting", "running")
    )
    unended = database.execute("SELECT * FROM endings WHERE before NOT IN ('waiting', 'running')").fetchall()
    database.close()
    assert unended == []
    assert set(accepted) == {*asked, "first"}
    assert {id: key for key, id in accepted.items()} == {id: key for id, key, *_ in rows}
    seen = set(visible(folder))
    for id, key, kind, state, output, error, crashes in rows:
        assert endings[id] == (0 if key == "first" else 1)
        if state == "failed":
            assert crashes == MOST_CRASHES - 1, error
            assert f"ended {MOST_CRASHES} times" in error
            assert output not in seen
        else:
            assert state == "done", error
            assert output is None or output in seen
        if state == "done" and kind == "fixed-points":
            expected.check_file(folder / ".carving/jobs" / id / "result/fixed-points.npz")
    assert seen == {output for _, _, _, state, output, _, _ in rows if state == "done" and output}
    # nothing is left of those that need nothing any more
    kept = {id for id, _, kind, state, *_ in rows if kind == "fixed-points" and state == "done"}
    assert set(os.listdir(folder / ".carving/jobs")) == kept
    return Counter(state for _, _, _, state, *_ in rows)


@pytest.mark.slow
def test_twenty_kills(tmp_path):
    assert kill_again_and_again(tmp_path, kills=20, seed=2, only_notes=False, longest=5.0)["done"] >= 5


@pytest.mark.slow
def test_three_kills(tmp_path):
    ends = kill_again_and_again(tmp_path, kills=3, seed=1, only_notes=True, longest=0.8)
    assert ends["done"] >= 3


@pytest.mark.slow
def test_two_hundred_kills(tmp_path):
    ends = kill_again_and_again(tmp_path, kills=200, seed=0, only_notes=False, longest=4.0)
    assert ends["done"] >= 50
    print(dict(ends))
