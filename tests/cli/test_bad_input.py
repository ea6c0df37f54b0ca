"""Bad input: one line that names the file and the remedy, exit code 1 or 2, nothing written."""

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from carving import create_checkpoints, open_checkpoints
from tests.cli.workspace import NAMES, SITES, machine, run, samples_near_patterns

BUILD = ("build-tree", "ck", "--samples")
TRANSITIONS = ("transitions", "ck")
IMPORT = ("import", "theirs.h5", "new")


@dataclass(frozen=True)
class Case:
    """A situation, the command that meets it, and words that its one line must hold."""

    name: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda here: None
    code: int = 1

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments, with an output that is free unless the case is about that."""
        free = self.arguments[0] == "build-tree" and "-o" not in self.arguments
        return (*self.arguments, "-o", "out") if free else self.arguments


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda here: (here / name).write_text(content, encoding="utf-8")


def table(change: Callable[[np.ndarray], object]) -> Callable[[Path], object]:
    """bad.npy: the good samples as float64 with one change."""

    def prepare(here: Path) -> None:
        values = samples_near_patterns().astype(np.float64)
        changed = change(values)
        np.save(here / "bad.npy", values if changed is None else np.asarray(changed))

    return prepare


def put(row: int, column: int, value: float) -> Callable[[Path], object]:
    return table(lambda values: values.__setitem__((row, column), value))


def cut(name: str, size: int) -> Callable[[Path], object]:
    return lambda here: (here / f"cut{name}").write_bytes((here / f"samples{name}").read_bytes()[:size])


def named(names: list[str]) -> Callable[[Path], object]:
    return lambda here: np.savez(here / "bad.npz", samples=samples_near_patterns(), names=np.array(names))


def labels(rows: list[str], header: str = "name,group") -> Callable[[Path], object]:
    return text("bad.csv", "\n".join([header, *rows]) + "\n")


GOOD_ROWS = [f"{name},a" for name in NAMES]


def hdf5(change: Callable[[h5py.File], object]) -> Callable[[Path], object]:
    """theirs.h5, as rbms writes it, with one change."""

    def prepare(here: Path) -> None:
        with h5py.File(here / "theirs.h5", "w") as file:
            for age in (1, 10):
                rbm = machine(0.4)
                group = file.create_group(f"update_{age}/params")
                group["weight_matrix"] = rbm.weights.numpy()
                group["vbias"] = rbm.visible_bias.numpy()
                group["hbias"] = rbm.hidden_bias.numpy()
            change(file)

    return prepare


def set_parameter(name: str, values: np.ndarray) -> Callable[[h5py.File], object]:
    def change(file: h5py.File) -> None:
        del file[f"update_10/params/{name}"]
        file[f"update_10/params/{name}"] = values

    return change


def npz_folder(*updates: int, **changes: np.ndarray) -> Callable[[Path], object]:
    def prepare(here: Path) -> None:
        (here / "machines").mkdir()
        rbm = machine(0.4)
        for index, age in enumerate(updates):
            values = {
                "weights": rbm.weights.numpy(),
                "visible_bias": rbm.visible_bias.numpy(),
                "hidden_bias": rbm.hidden_bias.numpy(),
                "updates": np.array(age),
                **changes,
            }
            np.savez(here / "machines" / f"{index}.npz", allow_pickle=False, **values)

    return prepare


def damage(path: str) -> Callable[[Path], object]:
    def prepare(here: Path) -> None:
        (file,) = (here / path).glob("c/0*") if (here / path).is_dir() else [here / path]
        while file.is_dir():
            file = next(file.iterdir())
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)

    return prepare


def potts_store(here: Path) -> None:
    from carving import RBM

    with create_checkpoints(here / "letters", visible="potts", alphabet="-AC") as run:
        zeros = np.zeros((4, 3, 2), dtype=np.float32)
        run.append(RBM(zeros, zeros[:, :, 0], zeros[0, 0], visible="potts"), updates=1)


def other_store(here: Path) -> None:
    with create_checkpoints(here / "other") as run:
        run.append(machine(0.3), updates=1)


CASES = [
    # ---- samples
    Case("samples that are not there", (*BUILD, "gone.npz"), ("gone.npz", "no such file")),
    Case("empty npy", (*BUILD, "empty.npy"), ("empty.npy",), text("empty.npy", "")),
    Case("empty text", (*BUILD, "empty.txt"), ("empty.txt",), text("empty.txt", "")),
    Case("truncated npz", (*BUILD, "cut.npz"), ("cut.npz",), cut(".npz", 200)),
    Case("text called npy", (*BUILD, "words.npy"), ("words.npy",), text("words.npy", "hello\n")),
    Case("text called npz", (*BUILD, "words.npz"), ("words.npz",), text("words.npz", "hello\n")),
    Case("text called h5", (*BUILD, "words.h5"), ("words.h5",), text("words.h5", "hello\n")),
    Case("unknown kind of file", (*BUILD, "s.docx"), ("s.docx", ".npz"), text("s.docx", "0 1\n")),
    Case("words in a table", (*BUILD, "w.txt"), ("w.txt", "line 2"), text("w.txt", "0 1\n0 x\n")),
    Case("ragged table", (*BUILD, "w.txt"), ("w.txt", "line 2"), text("w.txt", "0 1\n0 1 1\n")),
    Case(
        "npz without samples", (*BUILD, "a.npz"), ("a.npz", "samples"), lambda h: np.savez(h / "a.npz", x=[1])
    ),
    Case("pickled npy", (*BUILD, "p.npy"), ("p.npy",), lambda h: np.save(h / "p.npy", np.array([{}]))),
    Case("NaN sample", (*BUILD, "bad.npy"), ("bad.npy", "row 2", "column 5"), put(2, 5, np.nan)),
    Case("infinite sample", (*BUILD, "bad.npy"), ("bad.npy", "row 2", "column 5"), put(2, 5, np.inf)),
    Case("half sample", (*BUILD, "bad.npy"), ("bad.npy", "row 3", "column 7", "0.5"), put(3, 7, 0.5)),
    Case("2 among 0 and 1", (*BUILD, "bad.npy"), ("bad.npy", "row 3", "column 7", "2"), put(3, 7, 2)),
    Case("±1 for 0/1 machines", (*BUILD, "bad.npy"), ("bad.npy", "-1", "spin"), table(lambda v: 2 * v - 1)),
    Case("too few sites", (*BUILD, "bad.npy"), ("bad.npy", str(SITES), "23"), table(lambda v: v[:, :23])),
    Case("one dimension", (*BUILD, "bad.npy"), ("bad.npy",), table(lambda v: v[0])),
    Case("no rows", (*BUILD, "bad.npy"), ("bad.npy",), table(lambda v: v[:0])),
    Case("rows outside the file", (*BUILD, "samples.npz", "--rows", "90:95"), ("samples.npz", "40")),
    Case("rows that are none", (*BUILD, "samples.npz", "--rows", "5:5"), ("5:5",), code=2),
    Case("rows misspelt", (*BUILD, "samples.npz", "--rows", "all"), ("all", "A:B"), code=2),
    Case("duplicate names", (*BUILD, "bad.npz"), ("bad.npz", "sample 0"), named(["sample 0", *NAMES[:39]])),
    Case("empty name", (*BUILD, "bad.npz"), ("bad.npz", "name"), named(["", *NAMES[1:]])),
    Case("too few names", (*BUILD, "bad.npz"), ("bad.npz", "39", "40"), named(NAMES[1:])),
    Case(
        "letters outside the alphabet",
        ("build-tree", "letters", "--samples", "s.fasta"),
        ("s.fasta", "B", "--unknown-letters gap"),
        lambda here: (potts_store(here), text("s.fasta", ">a\nACBA\n")(here)),
    ),
    Case(
        "sequences of unequal length",
        ("build-tree", "letters", "--samples", "s.fasta"),
        ("s.fasta", "b"),
        lambda here: (potts_store(here), text("s.fasta", ">a\nACCA\n>b\nAC\n")(here)),
    ),
    Case("fasta for 0/1 machines", (*BUILD, "s.fasta"), ("s.fasta",), text("s.fasta", ">a\nACCA\n")),
    Case(
        "truncated gzip",
        ("build-tree", "letters", "--samples", "s.fasta.gz"),
        ("s.fasta.gz",),
        lambda here: (
            potts_store(here),
            (here / "s.fasta.gz").write_bytes(gzip.compress(b">a\nACCA\n" * 99)[:30]),
        ),
    ),
    Case("no samples anywhere", ("build-tree", "bare"), ("bare", "--samples")),
    # ---- labels and colours
    Case("labels not there", (*BUILD, "samples.npz", "--labels", "no.csv"), ("no.csv",), code=1),
    Case("empty labels", (*BUILD, "samples.npz", "--labels", "e.csv"), ("e.csv",), text("e.csv", "")),
    Case(
        "labels that miss samples",
        (*BUILD, "samples.npz", "--labels", "bad.csv"),
        ("bad.csv", "sample 39", "--missing-labels allow"),
        labels(GOOD_ROWS[:-1]),
    ),
    Case(
        "labels twice",
        (*BUILD, "samples.npz", "--labels", "bad.csv"),
        ("bad.csv", "sample 0"),
        labels([*GOOD_ROWS, "sample 0,b"]),
    ),
    Case(
        "ragged labels",
        (*BUILD, "samples.npz", "--labels", "bad.csv"),
        ("bad.csv", "line 2"),
        labels(["sample 0,a,b", *GOOD_ROWS[1:]]),
    ),
    Case(
        "labels without a column",
        (*BUILD, "samples.npz", "--labels", "bad.csv"),
        ("bad.csv",),
        labels(NAMES, header="name"),
    ),
    Case(
        "colours without labels",
        (*BUILD, "samples.npz", "--colors", "colors.csv"),
        ("colors.csv", "--labels"),
    ),
    Case(
        "no colour",
        (*BUILD, "samples.npz", "--labels", "labels.csv", "--colors", "c.csv"),
        ("c.csv", "pinkish"),
        text("c.csv", "legend,label,color\ngroup,g0,pinkish\n"),
    ),
    # ---- stores
    Case("no such store", ("build-tree", "gone"), ("gone",), code=1),
    Case("a store that is a file", ("build-tree", "samples.npz"), ("samples.npz",)),
    Case("a folder that is no store", ("build-tree", "f"), ("f",), lambda here: (here / "f").mkdir()),
    Case("a tree for checkpoints", ("build-tree", "tree"), ("tree",)),
    Case("checkpoints for a tree", ("export", "ck", "--format", "newick", "-o", "out"), ("ck",)),
    Case("a flipped byte", ("build-tree", "ck"), ("ck", "weights"), damage("ck/weights")),
    Case("damaged metadata", ("info", "ck"), ("ck",), damage("ck/zarr.json")),
    Case(
        "no checkpoint yet",
        ("build-tree", "new", "--samples", "samples.npz"),
        ("new",),
        lambda here: create_checkpoints(here / "new").close(),
    ),
    # ---- import
    Case("import of nothing", IMPORT, ("theirs.h5",), code=1),
    Case("import of words", IMPORT, ("theirs.h5",), text("theirs.h5", "hello")),
    Case("import of an empty file", IMPORT, ("theirs.h5",), text("theirs.h5", "")),
    Case(
        "import without machines",
        IMPORT,
        ("theirs.h5", "update_"),
        hdf5(lambda f: [f.pop(k) for k in list(f)]),
    ),
    Case(
        "NaN parameter",
        IMPORT,
        ("theirs.h5", "update_10", "nan"),
        hdf5(set_parameter("hbias", np.full(24, np.nan, dtype=np.float32))),
    ),
    Case(
        "infinite parameter",
        IMPORT,
        ("theirs.h5", "update_10"),
        hdf5(set_parameter("vbias", np.full(SITES, np.inf, dtype=np.float32))),
    ),
    Case(
        "biases of another width",
        IMPORT,
        ("theirs.h5", "update_10"),
        hdf5(set_parameter("vbias", np.zeros(7, dtype=np.float32))),
    ),
    Case(
        "a missing parameter",
        IMPORT,
        ("theirs.h5", "update_10", "hbias"),
        hdf5(lambda file: file.pop("update_10/params/hbias")),
    ),
    Case("ages twice", ("import", "machines", "new"), ("machines", "10"), npz_folder(1, 10, 10)),
    Case(
        "npz without updates",
        ("import", "machines", "new"),
        ("0.npz",),
        npz_folder(1, updates=np.array("soon")),
    ),
    Case("units misspelt", (*IMPORT, "--units", "ising"), ("ising", "spin"), hdf5(lambda file: None), code=2),
    # ---- outputs and options
    Case("output is there", ("build-tree", "ck", "-o", "tree"), ("tree", "--force")),
    Case("output without a folder", ("build-tree", "ck", "-o", "no/where"), ("no/where",)),
    Case("unknown format", ("export", "tree", "--format", "docx"), ("docx", "newick"), code=2),
    Case(
        "colours of no column",
        ("export", "tree", "--format", "nexus", "--color-by", "country", "-o", "out"),
        ("country", "group"),
    ),
    Case(
        "support of one tree alone",
        ("export", "tree", "--format", "newick", "--node-labels", "support", "-o", "out"),
        ("out", "support"),
    ),
    Case(
        "no digits",
        ("export", "tree", "--format", "newick", "--precision", "0"),
        ("--precision", "0"),
        code=2,
    ),
    Case("unknown order", ("build-tree", "ck", "--order", "4"), ("--order", "4"), code=2),
    Case("unknown ages", ("build-tree", "ck", "--ages", "some"), ("some", "every:N"), code=2),
    Case("an age that is not there", ("build-tree", "ck", "--ages", "1,7"), ("7",), code=2),
    Case(
        "unknown branch length", ("build-tree", "ck", "--branch-length", "long"), ("long", "log-age"), code=2
    ),
    Case("unknown device", ("build-tree", "ck", "--device", "abacus"), ("abacus", "cpu"), code=2),
    Case("tolerance zero", ("build-tree", "ck", "--tolerance", "0"), ("--tolerance",), code=2),
    Case(
        "negative distance", ("build-tree", "ck", "--linkage-distance", "-1"), ("--linkage-distance",), code=2
    ),
    Case("batch of none", ("build-tree", "ck", "--batch-size", "0"), ("--batch-size",), code=2),
    Case(
        "unknown age to query", ("query", "ck", "--age", "7", "--samples", "samples.npz"), ("7", "10"), code=2
    ),
    Case(
        "place into other machines",
        ("place", "tree", "other", "--samples", "samples.npz"),
        ("other",),
        other_store,
    ),
    Case(
        "train with an unknown method",
        ("train", "samples.npz", "t", "--method", "magic"),
        ("magic", "pcd"),
        code=2,
    ),
    Case(
        "train with an unknown schedule", ("train", "samples.npz", "t", "--save", "often"), ("often",), code=2
    ),
    Case("train over a store", ("train", "samples.npz", "ck"), ("ck", "--force")),
    # ---- transitions
    Case("transitions of a damaged store", (*TRANSITIONS, "-o", "out"), ("ck",), damage("ck/weights")),
    Case("transitions over a folder", (*TRANSITIONS, "-o", "tree"), ("tree",)),
    Case(
        "a tree of other samples",
        (*TRANSITIONS, "--tree", "tree", "--samples", "bad.npz", "-o", "out"),
        ("tree", "40", "bad.npz"),
        named([*NAMES[1:], "another"]),
    ),
    Case("a tree of more rows", (*TRANSITIONS, "--tree", "tree", "--rows", "0:9", "-o", "out"), ("--rows",)),
    Case(
        "a tree of other checkpoints",
        ("transitions", "other", "--tree", "tree", "--samples", "samples.npz", "-o", "out"),
        ("other",),
        other_store,
    ),
    Case("checkpoints for a tree of transitions", (*TRANSITIONS, "--tree", "ck", "-o", "out"), ("ck",)),
    Case(
        "chains without samples", ("transitions", "bare", "--sampling", "-o", "out"), ("--samples",), code=2
    ),
    Case("no directions", (*TRANSITIONS, "--directions", "0", "-o", "out"), ("--directions",), code=2),
    Case("precision zero", (*TRANSITIONS, "--precision", "0", "-o", "out"), ("--precision",), code=2),
    Case("unknown command", ("grow",), ("grow",), code=2),
]


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != "writer.lock"
    }


def check(code: int, errors: str, case: Case) -> None:
    assert code == case.code, errors
    assert "Traceback" not in errors
    message = [line for line in errors.splitlines() if line.startswith("Error:")]
    assert len(message) == 1, errors
    # click's usage errors say above it how the command is called
    assert errors.splitlines()[-1] == message[0] or case.code == 2, errors
    for word in case.words:
        assert word in errors.replace("\n", " "), errors


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused_in_one_line_and_writes_nothing(here: Path, case: Case) -> None:
    case.prepare(here)
    before = everything(here)
    result = run(*case.command)
    check(result.exit_code, result.stderr, case)
    assert everything(here) == before


@pytest.mark.one_in(2)
@pytest.mark.parametrize("case", CASES[::20], ids=lambda case: case.name)
def test_the_installed_command_refuses_alike(here: Path, case: Case) -> None:
    case.prepare(here)
    before = everything(here)
    command = [sys.executable, "-m", "carving_cli", *case.command]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    check(done.returncode, done.stderr, case)
    assert everything(here) == before


def test_a_store_that_is_being_written_is_refused(here: Path) -> None:
    with open_checkpoints(here / "ck", writable=True):
        result = run("build-tree", "ck", "-o", "out")
    assert result.exit_code == 1
    assert "ck" in result.stderr
    assert "written" in result.stderr
    assert not (here / "out").exists()


def test_a_zip_that_is_no_store_is_refused(here: Path) -> None:
    with zipfile.ZipFile(here / "x.zip", "w") as file:
        file.writestr("hello", "world")
    result = run("build-tree", "x.zip", "-o", "out")
    assert result.exit_code == 1
    assert "x.zip" in result.stderr
