"""NumPy's ``.npy``: one array of samples, without names."""

import warnings

import numpy as np

from carving.data._opening import damage_reported, existing, objects_refused
from carving.data._readers import Content, Reader, Request
from carving.data._values import read_array


def _read(request: Request) -> Content:
    path = existing(request.path)
    with damage_reported(path, "a .npy file"), objects_refused(path, "samples"), warnings.catch_warnings():
        # a damaged header can look like one of Python 2, of which numpy warns
        warnings.simplefilter("error")
        # mapped, so that only the rows asked for are read
        array = np.lib.format.open_memmap(path, mode="r")
        values, rows, total = read_array(array, request.rows, request.source)
    return Content(values, rows, total)


READER = Reader("NumPy array", (".npy",), _read)
