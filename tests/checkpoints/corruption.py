"""Random damage to stores and HDF5 files, and what reading them makes of it.

Run as ``python -m tests.checkpoints.corruption SUBJECT FOLDER FIRST NUMBER``: libraries below may crash or
hang, so damage is done and read in a process of its own, which prints before each attempt which one it is,
and after it what was wrong, if anything.
"""

import argparse
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from carving.checkpoints import CheckpointSequence, create_checkpoints, import_checkpoints, open_checkpoints
from carving.checkpoints._metadata import metadata_digest
from carving.errors import CarvingError
from tests.checkpoints.machines import machine

Files = dict[str, bytes]
Random = np.random.Generator
_MEMORY = 8 * 2**30


# ---- the healthy ones


def build_store(folder: Path) -> None:
    """A store that has everything a store can have."""
    run = create_checkpoints(
        folder,
        visible="potts",
        hidden="gaussian",
        alphabet="abc",
        training={"rate": 0.1, "steps": [1, 2]},
        provenance={"data": "drawn"},
        samples=np.random.default_rng(0).integers(0, 3, (7, 4)),
        names=[f"Ä {i}" for i in range(7)],
    )
    with run:
        for age in (1, 2, 4, 7):
            run.append(
                machine(age, visible_size=4, states=3, hidden="gaussian"),
                updates=age,
                elapsed_seconds=age / 2,
                metrics={"likelihood": -age, "overlap": 1 / age},
                resume={"chains": np.full((2, 4), age, np.uint8), "word": np.array(["ab", "c"])},
            )


def build_zip(folder: Path) -> None:
    """The same, packed."""
    folder.mkdir()
    build_store(folder / "store")
    shutil.make_archive(str(folder / "store"), "zip", folder / "store")
    shutil.rmtree(folder / "store")


def build_hdf5(folder: Path) -> None:
    """A file as rbms writes it, with everything that import reads, contiguous, chunked and packed."""
    folder.mkdir()
    with h5py.File(folder / "source.h5", "w") as file:
        file["model_type"] = "BBRBM"
        file["hyperparameters/batch_size"] = 500
        file["hyperparameters/learning_rate"] = 0.05
        for age, packing in (
            (1, {}),
            (3, {"chunks": (2, 2)}),
            (10, {"chunks": (5, 2), "compression": "gzip"}),
        ):
            rbm = machine(age, visible_size=5, hidden_size=4)
            group = file.create_group(f"update_{age}")
            parameters = group.create_group("params")
            parameters.create_dataset("weight_matrix", data=rbm.weights.numpy(), **packing)
            parameters["vbias"], parameters["hbias"] = rbm.visible_bias.numpy(), rbm.hidden_bias.numpy()
            for name in parameters:
                group[name] = parameters[name]
            group["time"] = float(age)


# ---- the damage


def _pick(random: Random, names: list[str]) -> str:
    return names[random.integers(len(names))]


def flip(files: Files, random: Random) -> None:
    name = _pick(random, [name for name in files if files[name]])
    content = bytearray(files[name])
    for _ in range(random.integers(1, 9)):
        content[random.integers(len(content))] ^= int(random.integers(1, 256))
    files[name] = bytes(content)


def truncate(files: Files, random: Random) -> None:
    name = _pick(random, [name for name in files if files[name]])
    files[name] = files[name][: random.integers(len(files[name]))]


def overwrite(files: Files, random: Random) -> None:
    name = _pick(random, [name for name in files if files[name]])
    start = int(random.integers(len(files[name])))
    length = int(random.integers(1, 64))
    kind = random.integers(3)
    patch = random.bytes(length) if kind == 0 else (b"\0", b"\xff")[kind - 1] * length
    files[name] = files[name][:start] + patch + files[name][start + length :]


def delete(files: Files, random: Random) -> None:
    del files[_pick(random, list(files))]


def exchange(files: Files, random: Random) -> None:
    """A healthy chunk in the place of another one, or both exchanged: checksums stay right."""
    chunks = [name for name in files if "/c" in name]
    first, second = _pick(random, chunks), _pick(random, chunks)
    one, other = files[first], files[second]
    files[first] = other
    if random.random() < 0.5:
        files[second] = one


def _leaves(value: object, path: tuple = ()) -> list[tuple]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, item in items for leaf in ((*path, key), *_leaves(item, (*path, key)))]
    return []


_STRANGE = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        3,
        5,
        2**31,
        2**62,
        2**63,
        10**30,
        0.5,
        -1e308,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        "a",
        "b",
        "bernoulli",
        "spin",
        "potts",
        "abc",
        "../x",
        [],
        [1],
        [[]],
        {},
        {"a": 1},
        [0, 0],
        [10**12] * 3,
    ),
)


def _edit(document: dict, random: Random) -> None:
    *path, last = _leaves(document)[random.integers(len(_leaves(document)))]
    parent = document
    for key in path:
        parent = parent[key]
    if random.random() < 0.2:
        del parent[last]
    else:
        parent[last] = _STRANGE[random.integers(len(_STRANGE))]


def edit_metadata(files: Files, random: Random) -> None:
    name = _pick(random, [name for name in files if name.endswith("zarr.json")])
    document = json.loads(files[name])
    _edit(document, random)
    files[name] = json.dumps(document).encode()


def reshape(files: Files, random: Random) -> None:
    name = _pick(
        random, [name for name in files if name.endswith("/zarr.json") and b'"shape"' in files[name]]
    )
    document = json.loads(files[name])
    shape = document["shape"]
    if shape:
        shape[random.integers(len(shape))] = int(random.choice([0, 1, 2, 3, 4, 5, 6, 100, 2**40]))
    if random.random() < 0.3:
        random.shuffle(shape)
    if random.random() < 0.2:
        shape.append(1)
    files[name] = json.dumps(document).encode()


def forge(files: Files, random: Random) -> None:
    """Edited metadata with a digest that fits them: reads as something else, but must read or be refused."""
    names = [name for name in files if name.endswith("zarr.json")]
    edited = _pick(random, ["zarr.json", "zarr.json", *names])
    documents = {name: json.loads(files[name]) for name in names}
    _edit(documents[edited], random)
    attributes = documents["zarr.json"].get("attributes")
    try:
        contents = {path: documents[f"{path}/zarr.json"] for path in attributes["contents"]}
        attributes["digest"] = metadata_digest(attributes, contents)
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    for name in (edited, "zarr.json"):
        files[name] = json.dumps(documents[name]).encode()


ANY_FILE = (flip, flip, truncate, overwrite)
STORE = (*ANY_FILE, delete, exchange, edit_metadata, edit_metadata, reshape, forge)


# ---- what reading makes of it


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tolist() if value.dtype == object else value.tobytes())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def everything(run: CheckpointSequence) -> object:
    """All that can be read of a sequence."""
    machines = [
        (repr(rbm), *(x.numpy().tobytes() for x in (rbm.weights, rbm.visible_bias, rbm.hidden_bias)))
        for rbm in run
    ]
    arrays = (run.ages, run.elapsed_seconds, run.samples, run.names, run.metrics, run.resume_state())
    facts = (run.visible, run.hidden, run.beta, run.alphabet, run.training, run.provenance, run.fingerprint)
    return [machines, [_plain(x) for x in arrays], repr(facts), repr(run)]


class Subject:
    """One kind of file: how it is built, damaged and read."""

    def __init__(
        self,
        build: Callable[[Path], None],
        damages: tuple,
        read: Callable[[Path], object],
        *,
        tells: bool,
    ) -> None:
        self.build, self.damages, self.read = build, damages, read
        # whether damage that changes what is read must be noticed
        self.tells = tells


def _read_hdf5(folder: Path) -> object:
    target = folder / "target"
    try:
        return everything(import_checkpoints(folder / "source.h5", target, force=True))
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _read_zip(folder: Path) -> object:
    # the name is part of what is read
    return everything(open_checkpoints(folder / "store.zip"))


SUBJECTS = {
    "folder": Subject(build_store, STORE, lambda folder: everything(open_checkpoints(folder)), tells=True),
    "zip": Subject(build_zip, ANY_FILE, _read_zip, tells=True),
    "hdf5": Subject(build_hdf5, ANY_FILE, _read_hdf5, tells=False),
}


def _write(folder: Path, before: Files, after: Files) -> None:
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            if name in after:
                (folder / name).write_bytes(after[name])
            else:
                (folder / name).unlink()


def _verdict(subject: Subject, damage: Callable, folder: Path, healthy: object) -> str | None:
    try:
        found = subject.read(folder)
    except CarvingError as error:
        return f"the message has several lines: {error}" if "\n" in str(error) else None
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    if subject.tells and damage is not forge and found != healthy:
        return "went unnoticed"
    return None


def main(name: str, folder: Path, first: int, number: int) -> None:
    """Do and read attempts ``first`` … ``first + number - 1``; attempt k depends on k alone."""
    # a size that was damaged must not take the machine's memory with it
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    subject = SUBJECTS[name]
    subject.build(folder)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    healthy = subject.read(folder)
    assert subject.read(folder) == healthy
    for attempt in range(first, first + number):
        print(f"attempt {attempt}", flush=True)
        random = np.random.default_rng([attempt, 12])
        damage = subject.damages[random.integers(len(subject.damages))]
        damaged = dict(files)
        damage(damaged, random)
        _write(folder, files, damaged)
        verdict = _verdict(subject, damage, folder, healthy)
        if verdict:
            changed = sorted(x for x in files if files[x] != damaged.get(x))
            print(f"wrong {attempt} {damage.__name__} of {', '.join(changed)}: {verdict}", flush=True)
        _write(folder, damaged, files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("number", type=int)
    options = parser.parse_args()
    main(options.subject, options.folder, options.first, options.number)
