"""An interrupted walk goes on where it was; work that does not belong to it is neither used nor destroyed."""

import shutil

import numpy as np
import pytest

from carving._progress import Progress
from carving.meanfield.solver import Solver
from carving.tree import _reached, _rows, build_tree
from tests.tree.runs import AGES, assert_equal, pattern_machine, pattern_machines, pattern_samples, store

OLDEST_FIRST = AGES[::-1]


class Interrupted(Exception):
    pass


class Stop:
    """Interrupts a walk in the middle of an age, at the first report of its solver."""

    def __init__(self, age: int) -> None:
        self.stage = f"age {age}"

    def __call__(self, report: Progress) -> None:
        if report.stage == self.stage:
            raise Interrupted


@pytest.fixture
def solved(monkeypatch):
    """How many rows each call of the solver was given."""
    rows = []

    class Counted(Solver):
        def solve(self, v, h):
            rows.append(len(v))
            super().solve(v, h)

    monkeypatch.setattr(_reached, "Solver", Counted)
    return rows


@pytest.fixture
def whole(run, tmp_path):
    """The work folder of a walk that was interrupted at the youngest age: all but one are done."""
    folder = tmp_path / "work"
    with pytest.raises(Interrupted):
        build_tree(run, pattern_samples(20), work_folder=folder, progress=Stop(1))
    return folder


@pytest.mark.parametrize("age", OLDEST_FIRST)
def test_an_interrupted_walk_resumes_to_the_same_tree(run, tmp_path, age):
    samples, folder = pattern_samples(20), tmp_path / "work"
    with pytest.raises(Interrupted):
        build_tree(run, samples, work_folder=folder, progress=Stop(age))
    assert_equal(build_tree(run, samples, work_folder=folder), build_tree(run, samples))


@pytest.mark.parametrize("done", range(4))
def test_finished_ages_are_not_computed_again(run, tmp_path, solved, done):
    samples, folder = pattern_samples(20), tmp_path / "work"
    with pytest.raises(Interrupted):
        build_tree(run, samples, work_folder=folder, progress=Stop(OLDEST_FIRST[done]))
    solved.clear()
    build_tree(run, samples, work_folder=folder)
    assert solved == [20, 4, 4, 2][done:]


def test_a_finished_walk_is_not_computed_again(run, tmp_path, solved):
    build_tree(run, pattern_samples(20), work_folder=tmp_path / "work")
    solved.clear()
    build_tree(run, pattern_samples(20), work_folder=tmp_path / "work")
    assert solved == []


def test_names_and_labels_may_change_between_runs(run, whole, solved):
    names = [f"genome {i}" for i in range(20)]
    tree = build_tree(run, pattern_samples(20), names=names, work_folder=whole)
    assert (tree.leaves.name.tolist(), len(solved)) == (names, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"order": 1},
        {"tolerance": 1e-7},
        {"linkage_distance": 0.03},
        {"same_point_distance": 1e-4},
        {"ages": [1000, 100, 10]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_start_again(run, whole, solved, change):
    tree = build_tree(run, pattern_samples(20), work_folder=whole, **change)
    assert solved[0] == 20
    assert_equal(tree, build_tree(run, pattern_samples(20), **change))


def test_other_samples_start_again(run, whole):
    samples = pattern_samples(20, seed=1)
    assert_equal(build_tree(run, samples, work_folder=whole), build_tree(run, samples))


def test_other_machines_start_again(run, whole, tmp_path):
    other = store(tmp_path, pattern_machines(seed=1))
    assert_equal(
        build_tree(other, pattern_samples(20), work_folder=whole), build_tree(other, pattern_samples(20))
    )


def test_a_run_that_grew_starts_again(tmp_path):
    machines, samples = pattern_machines(), pattern_samples(20)
    build_tree(store(tmp_path, machines), samples, work_folder=tmp_path / "work")
    grown = store(tmp_path, {**machines, 2000: pattern_machine([3.0, 4.0])})
    tree = build_tree(grown, samples, work_folder=tmp_path / "work")
    assert_equal(tree, build_tree(grown, samples))


def test_a_copy_of_the_run_elsewhere_goes_on(run, whole, tmp_path, solved):
    from carving.checkpoints import open_checkpoints

    shutil.copytree(run.path, tmp_path / "copy.carving")
    build_tree(open_checkpoints(tmp_path / "copy.carving"), pattern_samples(20), work_folder=whole)
    assert solved == [2]


@pytest.mark.parametrize("damage", ["truncated", "emptied", "noise", "a byte too many", "removed"])
def test_a_damaged_age_is_computed_again(run, whole, solved, damage):
    path = whole / "100.age"
    if damage == "removed":
        path.unlink()
    else:
        data = path.read_bytes()
        damaged = {
            "truncated": data[: len(data) // 2],
            "emptied": b"",
            "noise": b"x" * 99,
            "a byte too many": data + b"x",
        }
        path.write_bytes(damaged[damage])
    tree = build_tree(run, pattern_samples(20), work_folder=whole)
    assert solved == [4, 2]
    solved.clear()
    assert_equal(tree, build_tree(run, pattern_samples(20)))


def test_no_flipped_byte_of_an_age_goes_unnoticed(run, whole, solved):
    path = whole / "100.age"
    data, draw = path.read_bytes(), np.random.default_rng(0)
    for place in draw.integers(0, len(data), 20).tolist():
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(flipped)
        solved.clear()
        build_tree(run, pattern_samples(20), work_folder=whole)
        assert solved[0] == 4


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"carving": "0"}', "\xff"])
def test_damaged_inputs_start_again(run, whole, solved, content):
    (whole / "inputs.json").write_text(content, encoding="latin-1")
    build_tree(run, pattern_samples(20), work_folder=whole)
    assert solved[0] == 20


def test_leftovers_of_a_killed_run_do_not_matter(run, whole):
    (whole / "inputs.json").unlink()
    (whole / ".100.age.ab_12.partial").mkdir()
    assert_equal(
        build_tree(run, pattern_samples(20), work_folder=whole), build_tree(run, pattern_samples(20))
    )


def test_a_folder_of_somebody_s_files_is_left_alone(run, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"thesis\.tex"):
        build_tree(run, pattern_samples(3), work_folder=tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_in_the_place_of_the_work_folder_is_refused(run, tmp_path):
    (tmp_path / "work").write_text("a file")
    with pytest.raises(ValueError, match="no folder"):
        build_tree(run, pattern_samples(3), work_folder=tmp_path / "work")


@pytest.mark.parametrize("chunk", range(4))
def test_finished_chunks_are_not_computed_again(run, tmp_path, monkeypatch, solved, chunk):
    monkeypatch.setattr(_rows, "ROWS", 6)
    samples, folder = pattern_samples(20), tmp_path / "work"
    whole = build_tree(run, samples)
    counts = [20, 4, 4, 2]

    class StopInChunk(Stop):
        def __call__(self, report: Progress) -> None:
            if report.done > 6 * chunk:
                super().__call__(report)

    with pytest.raises(Interrupted):
        build_tree(run, samples, work_folder=folder, progress=StopInChunk(OLDEST_FIRST[0]))
    solved.clear()
    assert_equal(build_tree(run, samples, work_folder=folder), whole)
    assert solved == [6, 6, 6, 2][chunk:] + counts[1:]
    assert not list(folder.glob(f"{OLDEST_FIRST[0]}.*.age"))
