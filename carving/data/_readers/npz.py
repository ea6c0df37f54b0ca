"""NumPy's ``.npz``: arrays ``samples`` and, if the samples have names, ``names``."""

import warnings

import numpy as np

from carving.data._opening import damage_reported, existing, objects_refused
from carving.data._readers import Content, Reader, Request
from carving.data._values import read_array
from carving.errors import CorruptStore, InvalidInput


def _read(request: Request) -> Content:
    path = existing(request.path)
    with damage_reported(path, "a .npz file"), warnings.catch_warnings():
        warnings.simplefilter("error")
        # without pickle: a file of samples must not be able to run code
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise CorruptStore(f"{path}: is a single array and no .npz archive; name it .npy")
        with archive:
            if "samples" not in archive.files:
                raise InvalidInput(
                    f"{path}: holds no array 'samples' but {', '.join(archive.files) or 'nothing'}; write it "
                    "with numpy.savez(file, samples=…, names=…)"
                )
            with objects_refused(path, "samples"):
                array = archive["samples"]
            values, rows, total = read_array(array, request.rows, request.source)
            with objects_refused(path, "names"):
                names = archive["names"] if "names" in archive.files else None
    return Content(values, rows, total, names)


READER = Reader("NumPy archive", (".npz",), _read)
