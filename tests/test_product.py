"""Products in whatever library makes them, against torch's own in double precision."""

from collections.abc import Iterator

import pytest
import torch

from carving import _product
from carving._product import Product, inner_products, rows_of_few_sizes

SIZES = ((784, 200), (200, 784), (31, 7))
# some below and some above the size where oneDNN takes over, whole and odd numbers of rows
ROWS = (1, 2, 3, 5, 8, 17, 64, 65, 300, 511, 512)


@pytest.fixture
def without_onednn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where torch has another compiler, whose private call is gone."""

    def missing(*_: object) -> torch.Tensor:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")

    monkeypatch.setattr(_product, "_multiply", missing)
    _product._onednn_serves.cache_clear()
    yield
    _product._onednn_serves.cache_clear()


def assert_product(sites: int, units: int, rows: int, dtype: torch.dtype, *, with_bias: bool) -> None:
    generator = torch.Generator().manual_seed(rows)
    matrix = torch.randn(units, sites, generator=generator, dtype=dtype).mT
    bias = torch.randn(units, generator=generator, dtype=dtype) if with_bias else None
    x = torch.rand(rows, sites, generator=generator, dtype=dtype)
    room = torch.full((rows, units), torch.nan, dtype=dtype)
    result = Product(matrix, bias)(x, room)
    expected = x.double() @ matrix.double() + (0 if bias is None else bias.double())
    assert result.shape == (rows, units)
    accuracy = 4 * torch.finfo(dtype).eps * sites**0.5
    torch.testing.assert_close(result.double(), expected, rtol=accuracy, atol=accuracy * sites**0.5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("sites", "units"), SIZES)
def test_a_product_is_that_of_its_matrix(sites: int, units: int, rows: int, dtype: torch.dtype) -> None:
    assert_product(sites, units, rows, dtype, with_bias=True)
    assert_product(sites, units, rows, dtype, with_bias=False)


@pytest.mark.usefixtures("without_onednn")
def test_torch_serves_where_onednn_does_not() -> None:
    assert not _product._onednn_serves()
    assert_product(784, 200, 512, torch.float32, with_bias=True)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
def test_onednn_serves_where_it_is_there() -> None:
    product = Product(torch.rand(784, 200))
    room = torch.full((512, 200), torch.nan)
    product(torch.rand(512, 784), room)
    assert room.isnan().all(), "torch.mm made the product"


def test_few_numbers_of_rows_are_compiled_for() -> None:
    for fewest, most in ((64, 13), (1, 32)):
        sizes = {rows_of_few_sizes(rows) for rows in range(fewest, 513)}
        assert len(sizes) <= most
        assert max(sizes) == 512


@pytest.mark.parametrize("rows", range(1, 520))
def test_no_row_is_left_out_and_less_than_a_quarter_is_added(rows: int) -> None:
    assert rows <= rows_of_few_sizes(rows) <= rows + (rows - 1) // 4
    for product in (Product(torch.rand(784, 200)), Product(torch.rand(7, 3).double())):
        assert product.rows_at_best(rows) in (rows, rows_of_few_sizes(rows))


def assert_inner_products(batch: int, sites: int, units: tuple[int, int], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(sites)
    left, right = (torch.randn(batch, sites, n, generator=generator, dtype=dtype) for n in units)
    result = inner_products(left, right)
    assert result.shape == (batch, *units)
    accuracy = 4 * torch.finfo(dtype).eps * sites
    torch.testing.assert_close(
        result.double(), torch.einsum("bkm,bkn->bmn", left.double(), right.double()), rtol=0, atol=accuracy
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("units", [(200, 200), (1, 1), (60, 200)])
def test_inner_products_are_those_of_the_columns(
    batch: int, units: tuple[int, int], dtype: torch.dtype
) -> None:
    assert_inner_products(batch, 784, units, dtype)


@pytest.mark.usefixtures("without_onednn")
def test_torch_makes_inner_products_where_onednn_does_not() -> None:
    assert_inner_products(3, 784, (200, 200), torch.float32)
