"""What a training reads: samples of every form, against numpy's own answer to the same question."""

from typing import Any

import h5py
import numpy as np
import pytest
import torch
import zarr

import carving
from carving.data import Samples
from carving.data._sequence_weights import sequence_weights
from carving.errors import CorruptStore, InvalidInput, MissingFile, OutOfMemory
from carving.training._data import read_training_data
from carving.training._rows import cut_into_blocks

FEW = {"hidden": 4, "updates": 20, "k": 1, "chains": 10, "batch_size": 8, "save": "linear:4"}
ROWS, SITES = 61, 7
# less than the codes of all rows, and several blocks of some rows
LITTLE = 20 * SITES
PLENTY = 2**20


def table(kind="bernoulli"):
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 3 if kind == "potts" else 2, (ROWS, SITES)).astype(np.uint8)
    return 2 * codes.astype(np.int8) - 1 if kind == "spin" else codes


def read(samples, *, memory=PLENTY, visible=None, names=None, alphabet=None, weights=None):
    return read_training_data(
        samples, visible=visible, names=names, alphabet=alphabet, weights=weights, memory=memory
    )


class Lazy:
    """What dask makes of an array: slices of it are computed later, and sizes of all chunks are known."""

    def __init__(self, values, chunks):
        self._values, self.shape, self.dtype = values, values.shape, values.dtype
        self.chunks = (chunks, (values.shape[1],))

    def __getitem__(self, rows):
        return Lazy(self._values[rows], (len(self._values[rows]),))

    def compute(self):
        return self._values


def stored_as(kind, values, folder) -> Any:
    """The same samples in another form."""
    if kind == "zarr":
        chunks = (9, values.shape[1])
        array = zarr.create_array(folder / "s.zarr", shape=values.shape, chunks=chunks, dtype=values.dtype)
        array[:] = values
        return array
    if kind == "chunks that cut sites too":
        array = zarr.create_array(folder / "s.zarr", shape=values.shape, chunks=(4, 3), dtype=values.dtype)
        array[:] = values
        return array
    if kind == "zarr folder":
        stored_as("zarr", values, folder)
        return folder / "s.zarr"
    if kind in ("hdf5", "hdf5 without chunks"):
        chunks = (5, values.shape[1]) if kind == "hdf5" else None
        return h5py.File(folder / "s.h5", "w").create_dataset("samples", data=values, chunks=chunks)
    if kind in ("npy", "memory map"):
        np.save(folder / "s.npy", values)
        return folder / "s.npy" if kind == "npy" else np.load(folder / "s.npy", mmap_mode="r")
    if kind == "npz":
        np.savez(folder / "s.npz", samples=values)
        return str(folder / "s.npz")
    if kind == "text":
        np.savetxt(folder / "s.txt", values, fmt="%d")
        return folder / "s.txt"
    if kind == "samples":
        return Samples(values, np.array([f"row {row}" for row in range(len(values))], dtype=object))
    return {
        "numpy": values,
        "list": values.tolist(),
        "torch": torch.from_numpy(values),
        "torch bfloat16": torch.from_numpy(values).to(torch.bfloat16),
        "uint16": values.astype(np.uint16),
        "uint64": values.astype(np.uint64),
        "longdouble": values.astype(np.longdouble),
        "float16": values.astype(np.float16),
        "big-endian": values.astype(">f8"),
        "columns first": np.asfortranarray(values),
        "masked nowhere": np.ma.array(values),
        "lazy": Lazy(values, (10, 0, 1, 15, 20, 15, 0)),
    }[kind]


IN_PARTS = ("zarr", "chunks that cut sites too", "zarr folder", "hdf5", "hdf5 without chunks", "npy")
IN_PARTS = (*IN_PARTS, "memory map", "lazy")
WHOLE = ("numpy", "list", "torch", "torch bfloat16", "samples", "npz", "text", "masked nowhere")
NUMBERS = ("uint16", "uint64", "longdouble", "float16", "big-endian", "columns first")


# ---- one table, whatever it lies in


@pytest.mark.parametrize("memory", [PLENTY, LITTLE])
@pytest.mark.parametrize("form", [*IN_PARTS, *WHOLE, *NUMBERS])
def test_the_same_samples_are_the_same_data_in_any_form(tmp_path, form, memory):
    values = table()
    data = read(stored_as(form, values, tmp_path), memory=memory)
    assert (data.codes is None) == (memory == LITTLE)
    assert np.array_equal(data.read_codes(0, ROWS), values)
    assert np.array_equal(data.read_codes(13, 45), values[13:45])
    assert data.frequencies.tolist() == values.mean(0).tolist()
    assert data.fingerprint == read(values).fingerprint


@pytest.mark.parametrize("form", ["numpy", "zarr", "lazy", "uint16", "uint64"])
@pytest.mark.parametrize("kind", ["spin", "potts"])
def test_spins_and_states_are_the_same_data_in_blocks(tmp_path, kind, form):
    values = table(kind)
    if kind == "spin" and form.startswith("uint"):
        form = "float16"
    whole = read(values, visible=kind)
    parts = read(stored_as(form, values, tmp_path), visible=kind, memory=LITTLE)
    assert parts.codes is None
    assert parts.read_codes(0, ROWS).tolist() == values.tolist()
    assert parts.read_codes(0, ROWS).dtype == (np.int8 if kind == "spin" else np.uint8)
    assert parts.frequencies.equal(whole.frequencies)
    assert parts.fingerprint == whole.fingerprint
    expected = values if kind == "spin" else np.eye(3)[values]
    assert np.allclose(whole.frequencies, expected.mean(0), atol=1e-15)


@pytest.mark.parametrize("memory", [PLENTY, LITTLE])
def test_one_hot_rows_are_the_codes_that_they_mean(tmp_path, memory):
    values = table("potts")
    one_hot = zarr.create_array(tmp_path / "s.zarr", shape=(ROWS, SITES, 3), chunks=(2, 7, 3), dtype="u1")
    one_hot[:] = np.eye(3, dtype=np.uint8)[values]
    data = read(one_hot, memory=memory)
    assert data.unit == carving.Potts(3)
    assert np.array_equal(data.read_codes(0, ROWS), values)
    assert data.fingerprint == read(values, visible="potts").fingerprint


@pytest.mark.parametrize("change", ["a value", "the order", "a row less", "the unit"])
def test_other_samples_have_another_fingerprint(change):
    values, other, visible = table(), table().copy(), None
    if change == "a value":
        other[-1, -1] ^= 1
    elif change == "the order":
        other = other[::-1]
    elif change == "a row less":
        other = other[:-1]
    else:
        visible = "potts"
    assert read(other, visible=visible).fingerprint != read(values).fingerprint


def list_of_names(data):
    return [] if data.names is None else list(data.names)


def test_names_and_letters_of_samples_are_taken_and_those_given_go_before(tmp_path):
    values = table()
    given = Samples(values, np.array([f"row {row}" for row in range(ROWS)], dtype=object), alphabet="AC")
    assert list_of_names(read(given))[:2] == ["row 0", "row 1"]
    assert read(given).unit == carving.Potts(2)
    assert list_of_names(read(given, names=[str(row) for row in range(ROWS)]))[:2] == ["0", "1"]
    assert read(given, alphabet="ACG").unit == carving.Potts(3)


def test_rows_that_are_spread_over_all_samples_are_those_of_the_table(tmp_path):
    values = table()
    for memory in (PLENTY, LITTLE):
        data = read(stored_as("lazy", values, tmp_path), memory=memory, weights=np.arange(1.0, ROWS + 1))
        rows, weights = data.spread_rows(10)
        chosen = [k * ROWS // 10 for k in range(10)]
        assert rows.tolist() == values[chosen].tolist()
        assert weights is not None
        assert weights.tolist() == [row + 1 for row in chosen]
        assert len(data.spread_rows(1000)[0]) == ROWS


def test_no_block_is_read_twice_for_rows_that_are_spread():
    values, read_at = table(), []

    class Counted(Lazy):
        def __getitem__(self, rows):
            read_at.append(rows.start)
            return super().__getitem__(rows)

    data = read(Counted(values, (20, 20, 21)), memory=21 * SITES)
    read_at.clear()
    data.spread_rows(50)
    assert read_at == [0, 20, 40]


# ---- weights


@pytest.mark.parametrize("memory", [PLENTY, LITTLE])
@pytest.mark.parametrize("kind", ["bernoulli", "spin", "potts"])
def test_weighted_frequencies_are_those_of_numpy(tmp_path, kind, memory):
    values = table(kind)
    weights = np.random.default_rng(1).uniform(0.1, 5, ROWS)
    data = read(stored_as("zarr", values, tmp_path), visible=kind, memory=memory, weights=weights)
    statistics = np.eye(3)[values] if kind == "potts" else values
    assert np.allclose(data.frequencies, np.average(statistics, axis=0, weights=weights), atol=1e-14)


def test_whole_weights_are_repeated_rows():
    values, weights = table(), np.random.default_rng(1).integers(1, 5, ROWS)
    repeated = read(np.repeat(values, weights, axis=0)).frequencies
    assert torch.allclose(read(values, weights=weights).frequencies, repeated, atol=1e-15)


@pytest.mark.parametrize("form", [list, torch.from_numpy, lambda weights: weights.astype(np.float32)])
def test_weights_come_in_any_form(form):
    weights = np.arange(1, ROWS + 1)
    data = read(table(), weights=form(weights))
    assert data.weights is not None
    assert data.weights.tolist() == weights.tolist()


def test_weights_by_identity_are_those_of_sequence_weights():
    values = table()
    data = read(values, weights="identity:0.6")
    expected = sequence_weights(values, identity=0.6)
    assert len(set(expected)) > 2
    assert data.weights is not None
    assert data.weights.tolist() == expected.tolist()
    assert data.frequencies.equal(read(values, weights=expected).frequencies)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(ROWS + 1), r"of shape \(62,\) for 61 samples; give one number a sample"),
        (np.ones((ROWS, 1)), r"of shape \(61, 1\) for 61 samples"),
        (1.0, r"of shape \(\) for 61"),
        ([*np.ones(ROWS - 1), -1.0], "row 60: -1 is no weight; give positive"),
        ([0.0, *np.ones(ROWS - 1)], "row 0: 0 is no weight; .*leave out samples"),
        ([1.0, np.nan, *np.ones(ROWS - 2)], "row 1: nan is no weight"),
        ([1.0, np.inf, *np.ones(ROWS - 2)], "row 1: inf is no weight"),
        (np.full(ROWS, 1e308), "so large that their sum is infinite; give"),
        (["heavy"] * ROWS, 'are not numbers; give "identity:0.8", or one number'),
        (np.ones(ROWS, complex), "are not numbers; give"),
        ([[1.0], [1.0, 2.0]], "are not numbers; give"),
        ("uniform", "'uniform' is not known; give .*identity:0.8"),
        ("identity", "'identity' is not known"),
        ("identity:x", "'identity:x' is not known"),
        ("identity:0", "'identity:0' is not known"),
        ("identity:1.5", "'identity:1.5' is not known"),
        ("identity:nan", "'identity:nan' is not known"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, message):
    with pytest.raises(InvalidInput, match=f"^weights: .*{message}") as caught:
        read(table(), weights=weights)
    assert "\n" not in str(caught.value)


def test_weights_by_identity_of_samples_that_are_not_in_memory_are_refused_before_they_are_read():
    class Untouched(Lazy):
        def __getitem__(self, rows):
            raise AssertionError("was read")

    values = Untouched(table(), (20, 41))
    with pytest.raises(InvalidInput, match="weights by identity need all samples in memory; .*427 bytes"):
        read(values, visible="bernoulli", memory=426, weights="identity:0.8")


# ---- missing values


def with_masked(row, column):
    mask = np.zeros((ROWS, SITES), bool)
    mask[row, column] = True
    return np.ma.array(table(), mask=mask)


def with_nan(row, column):
    values = table().astype(np.float32)
    values[row, column] = np.nan
    return values


@pytest.mark.parametrize("memory", [PLENTY, LITTLE])
@pytest.mark.parametrize("visible", [None, "bernoulli", "potts", carving.Potts(2)])
@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (with_masked(57, 3), "is masked"),
        (Lazy(with_masked(57, 3), (30, 31)), "is masked"),
        (with_nan(57, 3), "nan is no value"),
        (Lazy(with_nan(57, 3), (30, 31)), "nan is no value"),
    ],
    ids=["masked", "masked dask", "nan", "nan dask"],
)
def test_missing_values_are_refused_with_their_place_and_what_to_do(samples, reason, visible, memory):
    if isinstance(samples, Lazy):
        memory = max(memory, 31 * SITES * 4)
    message = f"^samples: row 57, column 3: {reason}, so missing; fill it in, .*a gap, or leave"
    with pytest.raises(InvalidInput, match=message) as caught:
        read(samples, visible=visible, memory=memory)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["zarr folder", "npy"])
def test_missing_values_in_a_file_are_refused_with_its_name(tmp_path, kind):
    path = stored_as(kind, with_nan(57, 3), tmp_path)
    for memory in (PLENTY, LITTLE * 4):
        with pytest.raises(InvalidInput, match=f"^{path}: row 57, column 3: nan") as caught:
            read(path, memory=memory)
        assert "\n" not in str(caught.value)


# ---- wrong values


@pytest.mark.parametrize("form", ["numpy", "zarr", "lazy", "uint64", "longdouble"])
@pytest.mark.parametrize("row", [0, 8, 9, 40, 60])
def test_a_wrong_value_is_told_with_its_row_in_the_whole_table(tmp_path, form, row):
    values = table().astype(np.int64)
    values[row, 5] = 7
    samples = stored_as(form, values, tmp_path)
    for visible, reason in (
        (None, "7.* is neither of 0/1 nor of ±1; binarise"),
        ("bernoulli", "7 is not a value of bernoulli units"),
        (carving.Potts(7), "7 is not a code of potts units"),
    ):
        with pytest.raises(InvalidInput, match=f"^samples: row {row}, column 5: {reason}"):
            read(samples, visible=visible, memory=20 * SITES * 16)


def test_a_code_beyond_all_numbers_of_torch_is_told_as_such():
    values = table().astype(np.uint64)
    values[3, 2] = 2**64 - 1
    with pytest.raises(InvalidInput, match="row 3, column 2: 9.22337e"):
        read(values, visible="bernoulli")


@pytest.mark.parametrize(("zeros_first", "found", "other"), [(True, -1, 0), (False, 0, -1)])
def test_in_a_mixture_of_zeros_and_spins_what_comes_second_is_told(zeros_first, found, other):
    first, second = table(), table("spin")
    values = np.concatenate([first, second] if zeros_first else [second, first])
    row, column = np.argwhere(values == found)[0]
    message = f"row {row}, column {column}: {found} is found together with {other}"
    for samples in (values, Lazy(values, (61, 61)), Lazy(values, (50, 60, 12))):
        with pytest.raises(InvalidInput, match=message):
            read(samples, memory=122 * SITES * 2)


def test_a_site_that_is_not_one_hot_is_told_with_its_row_in_the_whole_table():
    values = np.eye(3)[table("potts")]
    values[33, 4] = (1, 1, 0)
    with pytest.raises(InvalidInput, match=r"^samples: row 33, column 4: not one-hot in 3 states; give"):
        read(values, memory=3 * SITES * 8 * 16)


@pytest.mark.parametrize("options", [{"visible": carving.Potts(300)}, {"alphabet": "x" * 300}])
def test_more_states_than_a_byte_tells_apart_are_refused(options):
    with pytest.raises(InvalidInput, match="visible: potts units of 300 states; merge some, at most 256"):
        read(table().astype(np.int64) * 280, **options)


def test_as_many_states_as_a_byte_tells_apart_are_not():
    values = table().astype(np.int64) * 255
    assert read(values, visible="potts").read_codes(0, ROWS).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("visible", "values", "message"),
    [
        # torch takes a byte of 255 for equal to −1, and any byte for more than 256
        ("spin", np.array([[1, 255]], np.uint8), "255 is not a value of spin units"),
        (carving.Potts(256), np.array([[-1, 255]], np.int16), "-1 is not a code of potts units"),
        (carving.Potts(200), np.array([[200, 199]], np.uint8), "200 is not a code of potts units"),
        (carving.Potts(200), np.array([[-56, 100]], np.int8), "-56 is not a code of potts units"),
        (carving.Potts(200), np.array([[127, 100]], np.int8), None),
        (carving.Potts(256), np.array([[0, 255]], np.uint8), None),
    ],
)
def test_numbers_of_one_byte_are_what_they_are(visible, values, message):
    if message is None:
        assert read(values, visible=visible).read_codes(0, 1).tolist() == values.tolist()
        return
    with pytest.raises(InvalidInput, match=message):
        read(values, visible=visible)


# ---- what is no table, or cannot be read


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([[0, 1], [1]], "samples: are no table .*; give rows of equal length"),
        (3, r"samples: have shape \(\)"),
        ([], r"samples: have shape \(0,\)"),
        (b"samples.npy", r"samples: have shape \(\)"),
        (np.zeros((2, 2, 2, 2)), "samples: have shape"),
        (np.zeros((3, 2), complex), "samples: are complex128, not numbers"),
        (torch.zeros(3, 2, dtype=torch.complex64), "samples: are complex64, not numbers"),
        (np.array([["0", "1"]], dtype="S1"), "samples: are .S1, not numbers"),
        (np.zeros((3, 2), "datetime64[s]"), "samples: are datetime64.s., not numbers"),
        (torch.zeros(3, 2).to_sparse(), "samples: are no table"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_in_one_line(samples, message):
    with pytest.raises(InvalidInput, match=f"^{message}") as caught:
        read(samples)
    assert "\n" not in str(caught.value)


def test_a_dataset_of_a_closed_file_is_refused_in_one_line(tmp_path):
    dataset = stored_as("hdf5", table(), tmp_path)
    dataset.file.close()
    with pytest.raises(InvalidInput, match="^samples: are no table .*open array") as caught:
        read(dataset)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.npy", "none.zarr", "none", "long" * 100 + ".npy", "a\0b.npy"])
def test_a_file_that_is_not_there_is_told(tmp_path, name):
    with pytest.raises(MissingFile, match="no such file|cannot be looked up") as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("memory", [PLENTY, LITTLE])
def test_a_damaged_chunk_is_told_with_its_rows(tmp_path, memory):
    path = stored_as("zarr folder", table(), tmp_path)
    chunk = path / "c" / "3" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    with pytest.raises(CorruptStore, match="s.zarr: .*(cannot be read|write it again)") as caught:
        read(path, memory=memory)
    assert "\n" not in str(caught.value)
    if memory == LITTLE:
        assert "rows 27 to 35" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError("input/output\nerror"), CorruptStore, "cannot be read .input/output error.; check"),
        (MemoryError(), OutOfMemory, "do not fit into memory; write the array again in smaller chunks"),
    ],
)
def test_whatever_fails_while_reading_is_told_with_its_rows(error, kind, message):
    class Failing(Lazy):
        def __getitem__(self, rows):
            if rows.start:
                raise error
            return super().__getitem__(rows)

    with pytest.raises(kind, match=f"^samples: rows 30 to 60: {message}") as caught:
        read(Failing(table(), (30, 31)), memory=31 * SITES)
    assert "\n" not in str(caught.value)


def test_an_array_that_gives_other_rows_than_it_says_is_refused():
    class Short(Lazy):
        def __getitem__(self, rows):
            return Lazy(self._values[rows][1:], (1,))

    with pytest.raises(InvalidInput, match="^samples: rows 0 to 29: are uint8 of shape .29, 7."):
        read(Short(table(), (30, 31)), memory=31 * SITES)


def test_an_array_whose_length_nobody_knows_is_refused():
    samples = Lazy(table(), (30, 31))
    samples.shape = (float("nan"), SITES)  # type: ignore[assignment]
    with pytest.raises(InvalidInput, match="unknown number of rows; .*compute_chunk_sizes"):
        read(samples)


@pytest.mark.parametrize("memory", [0, -1, 2.5, "1GB", None, True, float("nan")])
def test_memory_must_be_a_number_of_bytes(tmp_path, memory):
    with pytest.raises(InvalidInput, match="^memory: .* is no number of bytes; give a whole"):
        carving.train(table(), tmp_path / "run", memory=memory)
    assert list(tmp_path.iterdir()) == []


# ---- blocks


@pytest.mark.parametrize(
    ("chunks", "memory", "expected"),
    [
        # a sixteenth of the memory at least, as far as chunks go together
        ((10, 10, 10, 10, 21), 16 * 15 * SITES, [0, 20, 40, 61]),
        ((10, 10, 10, 10, 21), 16 * SITES * 61, [0, 61]),
        ((30, 31), 31 * SITES, [0, 30, 61]),
        ((0, 30, 0, 31, 0), 31 * SITES, [0, 30, 61]),
        ((61,), 16 * SITES * 61, [0, 61]),
    ],
)
def test_blocks_are_whole_chunks(chunks, memory, expected):
    assert cut_into_blocks(Lazy(table(), chunks), memory=memory, source="s").bounds.tolist() == expected


def test_rows_of_more_than_the_memory_are_read_one_at_a_time():
    assert cut_into_blocks(table(), memory=1, source="s").bounds.tolist() == list(range(ROWS + 1))


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (
            30 * SITES,
            "chunks of 31 rows, 217 bytes each, .*at most 30 rows, or give a memory of at least 217",
        ),
        (SITES - 1, "chunks of 31 rows, 217 bytes each, which must be read whole; give a memory of at least"),
    ],
)
def test_chunks_that_are_too_large_for_the_memory_are_refused(tmp_path, memory, message):
    with pytest.raises(InvalidInput, match=message):
        carving.train(Lazy(table(), (30, 31)), tmp_path / "run", memory=memory)
    assert list(tmp_path.iterdir()) == []


def test_large_blocks_are_encoded_a_few_rows_at_a_time(monkeypatch):
    # one-hot Potts codes take 12 bytes a state while they are made
    most, encode = [0], carving.Potts.encode

    def watched(unit, samples, dtype, **arguments):
        most[0] = max(most[0], len(samples))
        return encode(unit, samples, dtype, **arguments)

    monkeypatch.setattr("carving.training._data._STATISTICS_AT_ONCE", 5 * SITES * 3)
    monkeypatch.setattr(carving.Potts, "encode", watched)
    values = table("potts")
    data = read(values, visible="potts")
    assert most == [5]
    assert np.array_equal(data.read_codes(0, ROWS), values)
    assert np.allclose(data.frequencies, np.eye(3)[values].mean(0), atol=1e-15)


# ---- whole trainings


def test_keep_samples_is_refused_for_samples_that_are_larger_than_memory(tmp_path):
    with pytest.raises(InvalidInput, match="samples: 61 samples are more than fit .*leave out keep_samples"):
        carving.train(table(), tmp_path / "run", memory=LITTLE, keep_samples=True, **FEW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["zarr", "hdf5"])
def test_full_batches_train_to_the_same_machine_from_memory_and_in_blocks(tmp_path, form):
    # of all samples; in another order, which sums of zeros and ones do not see, but products of means do
    samples = stored_as(form, table(), tmp_path)
    options = {**FEW, "batch_size": 1000, "method": "emf", "updates": 5, "save": "linear:2"}
    options["keep_samples"] = False
    whole = carving.train(table(), tmp_path / "whole", **options)
    parts = carving.train(samples, tmp_path / "parts", memory=LITTLE, **options)
    assert torch.allclose(whole[-1].weights, parts[-1].weights, atol=1e-6)
    assert torch.allclose(whole[-1].visible_bias, parts[-1].visible_bias, atol=1e-6)
    assert whole.provenance["samples_sha256"] == parts.provenance["samples_sha256"]
