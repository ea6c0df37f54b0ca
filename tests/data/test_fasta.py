"""FASTA files: names, letters, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carving.data import PROTEIN_ALPHABET, read_samples
from carving.errors import CorruptStore, InvalidInput


def fasta(folder: Path, text: str, name: str = "some.fasta") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_letter_is_its_place_in_the_alphabet(tmp_path):
    samples = read_samples(fasta(tmp_path, f">all\n{PROTEIN_ALPHABET}\n"))
    assert samples.values.tolist() == [list(range(21))]


def test_another_alphabet_gives_other_codes(tmp_path):
    samples = read_samples(fasta(tmp_path, ">one\nACGT-\n"), alphabet="ACGT-")
    assert samples.values.tolist() == [[0, 1, 2, 3, 4]]
    assert samples.alphabet == "ACGT-"


def test_lower_case_and_dots_are_read_as_upper_case_and_gaps(tmp_path):
    samples = read_samples(fasta(tmp_path, ">one\nacd.\n>two\nACD-\n"))
    np.testing.assert_array_equal(samples.values[0], samples.values[1])


def test_an_alphabet_may_tell_cases_apart(tmp_path):
    assert read_samples(fasta(tmp_path, ">x\naA.-\n"), alphabet="aA-.").values.tolist() == [[0, 1, 3, 2]]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (">S1", "S1"),
        (">>S1", "S1"),
        (">>> S1 more words", "S1"),
        (">sp|P1|X_Y [a=b]\tz", "sp|P1|X_Y"),
        (">Ü日", "Ü日"),
    ],
)
def test_a_name_is_the_first_word_after_all_signs(header, name, tmp_path):
    assert read_samples(fasta(tmp_path, f"{header}\nAC\n")).names.tolist() == [name]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_sequences_may_be_cut_into_lines_of_any_end(end, tmp_path):
    text = end.join(["", ">one", "ACD EF", "", "GHI", ">two", "ACDEFGHI"])
    samples = read_samples(fasta(tmp_path, text))
    np.testing.assert_array_equal(samples.values[0], samples.values[1])


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "some.fa"
    path.write_bytes(b"\xef\xbb\xbf>one\nAC\n")
    assert read_samples(path).names.tolist() == ["one"]


def test_gzipped_fasta_reads_like_plain(tmp_path):
    text = ">one\nACD\n>two\nEFG\n"
    (tmp_path / "some.FASTA.gz").write_bytes(gzip.compress(text.encode()))
    packed = read_samples(tmp_path / "some.FASTA.gz")
    np.testing.assert_array_equal(packed.values, read_samples(fasta(tmp_path, text)).values)


def test_rows_are_records(tmp_path):
    path = fasta(tmp_path, "".join(f">r{number}\n{letter}A\n" for number, letter in enumerate("ACDEFGH")))
    samples = read_samples(path, rows=slice(2, 6, 2))
    assert samples.names.tolist() == ["r2", "r4"]
    assert samples.values[:, 0].tolist() == [PROTEIN_ALPHABET.index("D"), PROTEIN_ALPHABET.index("F")]


def test_records_after_the_last_row_asked_for_are_not_looked_at(tmp_path):
    assert len(read_samples(fasta(tmp_path, ">a\nAC\n>b\nAC\n>c\nA??\n"), rows=slice(0, 2))) == 2


def test_unknown_letters_become_gaps_when_asked(tmp_path):
    samples = read_samples(fasta(tmp_path, ">one\nABX*Z\n"), unknown_letters="gap")
    assert samples.values.tolist() == [[1, 0, 0, 0, 0]]


words = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters=">"), min_size=1, max_size=12)


@given(
    names=st.lists(words, min_size=1, max_size=8, unique=True),
    alphabet=st.lists(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=">"), min_size=2, unique=True
    ),
    data=st.data(),
)
def test_any_names_and_letters_come_back(names, alphabet, data, tmp_path_factory):
    width = data.draw(st.integers(1, 20))
    code = st.integers(0, len(alphabet) - 1)
    codes = data.draw(
        st.lists(st.lists(code, min_size=width, max_size=width), min_size=len(names), max_size=len(names))
    )
    records = [
        f">{name}\n{''.join(alphabet[c] for c in row)}\n" for name, row in zip(names, codes, strict=True)
    ]
    path = fasta(tmp_path_factory.mktemp("fasta"), "".join(records))
    samples = read_samples(path, alphabet="".join(alphabet))
    assert samples.names.tolist() == names
    assert samples.values.tolist() == codes


REFUSED = {
    "unknown letters": (
        ">one\nACB\n>two\nXXZ\n",
        InvalidInput,
        ["'B' in 'one', column 3", "4 such letters", "X 2", "--unknown-letters gap"],
    ),
    "ragged": (
        ">one\nACD\n>two\nAC\n",
        InvalidInput,
        ["line 3", "'two' has 2 letters, but 'one' has 3", "align"],
    ),
    "no sequence": (">one\n>two\nAC\n", InvalidInput, ["line 1", "'one' has no sequence"]),
    "cut after a header": (
        ">one\nAC\n>two\n",
        InvalidInput,
        ["line 3", "'two' has no sequence", "cut short"],
    ),
    "no name": (">one\nAC\n>>\nAC\n", InvalidInput, ["line 3", "no name"]),
    "repeated name": (
        ">one\nAC\n>two\nAC\n>one z\nAC\n",
        InvalidInput,
        ["line 5", "'one'", "line 1", "must differ"],
    ),
    "letters of another script": (">one\nAС\n", InvalidInput, ["'one'", "line 1", "'С' is no letter"]),
    "not FASTA": ("CLUSTAL W\n\none AC\n", CorruptStore, ["line 1", "not FASTA"]),
    "blank lines only": ("\n\n", InvalidInput, ["holds no samples"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_fasta_is_refused_with_place_and_remedy(case, tmp_path):
    text, kind, words = REFUSED[case]
    path = fasta(tmp_path, text)
    with pytest.raises(kind) as raised:
        read_samples(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


@pytest.mark.parametrize(
    ("alphabet", "words"),
    [
        ("", "two letters"),
        ("A", "two letters"),
        ("ABA", "'A' is there twice"),
        ("A >", "' ' cannot"),
        ("Aé", "'é' cannot"),
    ],
)
def test_bad_alphabets_are_refused(alphabet, words, tmp_path):
    with pytest.raises(InvalidInput, match=words):
        read_samples(fasta(tmp_path, ">one\nAC\n"), alphabet=alphabet)


def test_without_a_gap_in_the_alphabet_unknown_letters_cannot_be_one(tmp_path):
    with pytest.raises(InvalidInput, match="has no gap"):
        read_samples(fasta(tmp_path, ">one\nAC\n"), alphabet="ACGT", unknown_letters="gap")
