"""HDF5: datasets ``samples`` and, if the samples have names, ``names``."""

from typing import Any

from carving.data._names import refuse_other_count
from carving.data._opening import damage_reported, existing
from carving.data._readers import Content, Reader, Request
from carving.data._values import read_array
from carving.errors import InvalidInput


def _read(request: Request) -> Content:
    import h5py  # here, because most runs need no HDF5

    path = existing(request.path)
    with damage_reported(path, "an HDF5 file"), h5py.File(path, "r") as file:
        samples: Any = file.get("samples")
        if not isinstance(samples, h5py.Dataset):
            held = ", ".join(list(file)[:8]) or "nothing"
            raise InvalidInput(
                f"{path}: holds no dataset 'samples' but {held}; write the samples under that key"
            )
        values, rows, total = read_array(samples, request.rows, request.source)
        names: Any = file.get("names")
        if names is not None:
            refuse_other_count(getattr(names, "shape", ()), total, request.source)
            # strings come as bytes, which are read as UTF-8 with all other names
            names = names[()]
    return Content(values, rows, total, names)


READER = Reader("HDF5", (".h5", ".hdf5"), _read)
