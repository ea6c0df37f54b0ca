"""Other programs' checkpoints: read once into a store of ours, and written back.

One file a format: ``_foreign_hdf5`` (rbms, clusterbm), ``_foreign_npz``; ``_export_rbms`` for the way back.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from carving._files import whole_folder
from carving._progress import Progress, ProgressCallback
from carving.checkpoints._export_rbms import export_rbms
from carving.checkpoints._foreign import ForeignRun
from carving.checkpoints._foreign_hdf5 import open_hdf5
from carving.checkpoints._foreign_npz import open_npz_folder
from carving.checkpoints._metadata import PARAMETERS
from carving.checkpoints._start import check_target, start_store
from carving.checkpoints.sequence import CheckpointSequence, open_checkpoints
from carving.errors import InvalidInput, MissingFile
from carving.rbm import RBM

__all__ = ["PROTEIN_ALPHABET", "export_rbms", "import_checkpoints"]

PROTEIN_ALPHABET = "-ACDEFGHIKLMNPQRSTVWY"


def import_checkpoints(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    units: str | None = None,
    alphabet: str = PROTEIN_ALPHABET,
    force: bool = False,
    progress: ProgressCallback | None = None,
) -> CheckpointSequence:
    """Convert another program's checkpoints into a store, which is there whole or not at all.

    Parameters
    ----------
    source
        An HDF5 file of rbms or clusterbm (groups ``update_N`` or ``epoch_N``), or a folder of ``.npz``
        files with ``weights``, ``visible_bias``, ``hidden_bias`` and ``updates``.
    target
        The store.
    units
        Units of the machines, which such files do not tell: ``"spin"`` where they hold ±1 machines, or the
        two layers apart, as in ``"spin,gaussian"``. Left out: Bernoulli, or Potts for weights of three axes.
    alphabet
        Letters of Potts states in order of their codes. The default is that of proteins, and left out of
        stores whose machines have another number of states.
    force
        Replace what is at ``target``.
    progress
        Called after every checkpoint.

    Raises
    ------
    MissingFile, OutputExists
        If ``source`` is not there, or something is at ``target`` already.
    CorruptStore
        If the source is damaged, or of another format.
    InvalidInput
        If a checkpoint is no machine: NaN, widths that disagree, units that do not fit.
    """
    path = Path(source)
    if not path.exists():
        raise MissingFile(f"{path}: no such file or folder; check the path")
    check_target(target, force=force)
    with _open(path) as foreign, whole_folder(target, force=force) as folder:
        _convert(foreign, folder, units, alphabet, progress)
    return open_checkpoints(target)


def _open(path: Path) -> AbstractContextManager[ForeignRun]:
    if not os.access(path, os.R_OK):
        raise InvalidInput(f"{path}: cannot be read; check its permissions")
    return open_npz_folder(path) if path.is_dir() else open_hdf5(path)


def _convert(
    foreign: ForeignRun, folder: Path, units: str | None, alphabet: str, progress: ProgressCallback | None
) -> None:
    total = len(foreign.places)
    run = shape = visible = hidden = None
    checkpoints = zip(foreign.places.items(), foreign.checkpoints, strict=True)
    for done, ((age, place), checkpoint) in enumerate(checkpoints, start=1):
        weights = checkpoint.parameters["weights"]
        if run is None:
            shape = weights.shape
            visible, hidden = _units(foreign, shape, units)
            start_store(
                folder,
                visible=visible,
                hidden=hidden,
                beta=1.0,
                alphabet=_fitting_alphabet(foreign, shape, alphabet),
                training=foreign.training,
                provenance={"imported_from": Path(foreign.source).name, "format": foreign.kind},
                samples=None,
                names=None,
            )
            run = open_checkpoints(folder, writable=True)
        if weights.shape != shape:
            raise InvalidInput(
                f"{foreign.source}: {place}: weights have shape {weights.shape}, those before them {shape}; "
                "one store holds machines of one size"
            )
        machine = RBM(
            *(checkpoint.parameters[name] for name in PARAMETERS), visible=str(visible), hidden=str(hidden)
        )
        run.append(machine, updates=age, elapsed_seconds=checkpoint.elapsed_seconds)
        if progress is not None:
            progress(Progress("import", done, total, place))
    assert run is not None
    run.close()


def _units(foreign: ForeignRun, shape: tuple[int, ...], units: str | None) -> tuple[str, str]:
    """Names of the visible and the hidden unit."""
    potts = len(shape) == 3
    if foreign.potts is not None and foreign.potts != potts:
        raise InvalidInput(
            f"{foreign.source}: model_type says {'Potts' if foreign.potts else 'Bernoulli'} machines, "
            f"but weights have shape {shape}; the file is damaged or mixed up"
        )
    if units is None:
        return ("potts" if potts else "bernoulli"), "bernoulli"
    visible, _, hidden = units.partition(",")
    hidden = hidden or ("bernoulli" if visible == "potts" else visible)
    if visible not in (("potts",) if potts else ("bernoulli", "spin")) or hidden not in (
        "bernoulli",
        "spin",
        "gaussian",
    ):
        allowed = "potts or potts,spin" if potts else "bernoulli, spin, or two such as spin,gaussian"
        raise InvalidInput(
            f"{foreign.source}: units {units!r} do not fit weights of shape {shape}; give {allowed}"
        )
    return visible, hidden


def _fitting_alphabet(foreign: ForeignRun, shape: tuple[int, ...], alphabet: str) -> str | None:
    if len(shape) < 3:
        return None
    if len(alphabet) == shape[1]:
        return alphabet
    if alphabet == PROTEIN_ALPHABET:
        return None
    raise InvalidInput(
        f"{foreign.source}: alphabet {alphabet!r} has {len(alphabet)} letters, "
        f"the machines {shape[1]} states; give the alphabet of the data"
    )
