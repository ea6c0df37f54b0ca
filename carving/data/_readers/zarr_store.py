"""zarr: a group with arrays ``samples`` and perhaps ``names`` (a checkpoint store too), or one array."""

import warnings
from typing import Any

from carving.data._names import refuse_other_count
from carving.data._opening import damage_reported, existing
from carving.data._readers import Content, Reader, Request
from carving.data._values import read_array
from carving.errors import InvalidInput


def open_arrays(store_or_path: Any, place: str) -> tuple[Any, Any]:
    """The array of samples and, if there is one, that of names; ``place`` is what messages call the store."""
    import zarr  # here, because it takes a second to import

    store = zarr.open(store_or_path, mode="r")
    samples: Any = store if isinstance(store, zarr.Array) else store.get("samples")
    if not isinstance(samples, zarr.Array):
        raise InvalidInput(f"{place}: holds no array 'samples'; write the samples under that key")
    return samples, None if isinstance(store, zarr.Array) else store.get("names")


def _read(request: Request) -> Content:
    path = existing(request.path, folder=True)
    with damage_reported(path, "a zarr store"), warnings.catch_warnings():
        # zarr warns of types of strings that its format does not settle yet; ours to read all the same
        warnings.simplefilter("ignore")
        samples, names = open_arrays(str(path), str(path))
        values, rows, total = read_array(samples, request.rows, request.source)
        if names is not None:
            refuse_other_count(getattr(names, "shape", ()), total, request.source)
            names = names[:]
    return Content(values, rows, total, names)


READER = Reader("zarr", (".zarr",), _read, folder=True)
