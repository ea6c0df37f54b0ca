"""Arrays as text that the page's script reads back: base64 of little-endian numbers."""

import base64
import json
from typing import Any

import numpy as np

# what the script has types for, the smallest first
_WHOLE = ("u1", "u2", "i4")


def whole(values: np.ndarray) -> dict[str, str]:
    """Whole numbers in the smallest type that holds them all; beyond 2³¹ as float64, exact up to 2⁵³."""
    values = np.asarray(values)
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for name in _WHOLE:
        limits = np.iinfo(np.dtype(name))
        if limits.min <= low and high <= limits.max:
            return _encoded(values, name)
    return _encoded(values, "f8")


def measured(values: np.ndarray, kind: str = "f8") -> dict[str, str]:
    """Measured numbers, every one as it is stored."""
    return _encoded(values, kind)


def where_known(values: np.ndarray) -> dict[str, str] | None:
    """The same; None where none is known."""
    return measured(values) if np.isfinite(values).any() else None


def _encoded(values: np.ndarray, kind: str) -> dict[str, str]:
    content = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {"type": kind, "data": base64.b64encode(content).decode("ascii")}


def as_json(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it can close that, or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
