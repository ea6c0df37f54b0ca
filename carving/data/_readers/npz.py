"""NumPy's ``.npz``: arrays ``samples`` and, if the samples have names, ``names``."""

import warnings

import numpy as np

from carving.data._opening import damage_reported, existing, looks_like, objects_refused
from carving.data._readers import Content, Reader, Request
from carving.data._values import read_array
from carving.errors import CorruptStore, InvalidInput


def _read(request: Request) -> Content:
    path = existing(request.path)
    if "zip" not in (seen := looks_like(path)):
        # numpy would take it for a pickle and recommend to run it
        raise CorruptStore(f"{path}: is not a .npz file but {seen}; name it by its kind or write it again")
    with damage_reported(path, "a .npz file"), warnings.catch_warnings(), open(path, "rb") as file:
        # a damaged header can look like one of Python 2, of which numpy warns
        warnings.simplefilter("error")
        with np.load(file, allow_pickle=False) as archive:
            return _arrays(archive, request)


def _arrays(archive: "np.lib.npyio.NpzFile", request: Request) -> Content:
    if "samples" not in archive.files:
        held = ", ".join(archive.files[:8]) or "nothing"
        raise InvalidInput(
            f"{request.source}: holds no array 'samples' but {held}; write it with "
            "numpy.savez(file, samples=…, names=…)"
        )
    with objects_refused(request.path, "samples"):
        array = archive["samples"]
    values, rows, total = read_array(array, request.rows, request.source)
    with objects_refused(request.path, "names"):
        names = archive["names"] if "names" in archive.files else None
    return Content(values, rows, total, names)


READER = Reader("NumPy archive", (".npz",), _read)
