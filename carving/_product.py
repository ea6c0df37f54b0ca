"""Products of matrices, as fast as the processor makes them.

torch.mm goes to MKL, which leaves half of a processor unused where it does not know that its widest
vectors may be used (AMD's, above all). oneDNN, which comes with torch too, uses them, and takes a
matrix that was laid out for it once. torch has no public call for that: where the one that its own
compiler uses is missing or does not do what it should, torch.mm serves.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

# multiplications below which a call of oneDNN costs more than it saves
_FEWEST_MULTIPLICATIONS = 400_000


class Product:
    """x @ matrix + bias for one matrix and many x, in the matrix's precision.

    Parameters
    ----------
    matrix
        (k, n).
    bias
        (n,), or None.
    """

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        self._matrix, self._bias = matrix, bias
        self._packs = _onednn_takes(matrix)
        # laid out when it is first needed
        self._packed: Any = None

    def rows_at_best(self, rows: int) -> int:
        """``rows``, or somewhat more, of which a product costs less: oneDNN compiles for every number of rows
        that it meets, which takes as long as ten products, so it is given four numbers an octave."""
        return rows_of_few_sizes(rows) if self._goes_to_onednn(rows) else rows

    def _goes_to_onednn(self, rows: int) -> bool:
        return self._packs and rows * self._matrix.numel() >= _FEWEST_MULTIPLICATIONS

    def __call__(self, x: Tensor, room: Tensor) -> Tensor:
        """The product for x (m, k): in ``room`` (m, n), or in memory of its own."""
        if self._goes_to_onednn(len(x)):
            if self._packed is None:
                self._packed = _pack(self._matrix)
            return _multiply(x, self._packed, self._bias)
        if self._bias is None:
            return torch.mm(x, self._matrix, out=room)
        return torch.addmm(self._bias, x, self._matrix, out=room)


def inner_products(left: Tensor, right: Tensor) -> Tensor:
    """leftᵀ right for each pair of a batch: (b, k, m) and (b, k, n) to (b, m, n)."""
    of_each = left.shape[1] * left.shape[2] * right.shape[2]
    if len(left) and of_each >= _FEWEST_MULTIPLICATIONS and _onednn_takes(left):
        return torch.stack([_multiply(a.mT, b.mT, None) for a, b in zip(left, right, strict=True)])
    return left.mT @ right


def rows_of_few_sizes(rows: int) -> int:
    """The next of four numbers an octave."""
    step = 1 << max(0, rows.bit_length() - 3)
    return -(-rows // step) * step


def _pack(matrix: Tensor) -> Any:
    return torch.ops.mkldnn._reorder_linear_weight(matrix.mT.contiguous())


def _multiply(x: Tensor, packed: Any, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


def _onednn_takes(matrix: Tensor) -> bool:
    return matrix.dtype == torch.float32 and matrix.device.type == "cpu" and _onednn_serves()


@cache
def _onednn_serves() -> bool:
    """Whether oneDNN is there and multiplies as torch.mm does."""
    if not torch.backends.mkldnn.is_available():
        return False
    matrix = torch.linspace(-1, 1, 15).reshape(3, 5)
    x, bias = torch.linspace(0, 1, 6).reshape(2, 3), torch.linspace(1, 2, 5)
    left = torch.linspace(0, 1, 6).reshape(3, 2)
    try:
        product = _multiply(x, _pack(matrix), bias)
        inner = _multiply(left.mT, matrix.mT, None)
    except (AttributeError, RuntimeError):
        return False
    same = torch.allclose(product, torch.addmm(bias, x, matrix), atol=1e-6)
    return same and torch.allclose(inner, torch.mm(left.mT, matrix), atol=1e-6)
