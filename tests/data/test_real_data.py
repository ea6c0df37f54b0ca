"""The real data in ../shared read as what their description says."""

import gzip

import numpy as np
import pytest

from carving.data import PROTEIN_ALPHABET, read_labels, read_samples

pytestmark = pytest.mark.data


def test_genomes_are_5008_haplotypes_of_805_sites(shared):
    samples = read_samples(shared / "data" / "hgd.npz")
    assert samples.values.shape == (5008, 805)
    assert set(np.unique(samples.values)) == {0, 1}
    assert samples.names[0] == "NA20864_B"


def test_genomes_have_labels_and_colors(shared):
    data = shared / "data"
    samples = read_samples(data / "hgd.npz")
    labels = read_labels(data / "hgd_labels.csv", samples.names, colors=data / "hgd_colors.csv")
    assert {name: len(set(column)) for name, column in labels.columns.items()} == {
        "continent": 5,
        "population": 26,
    }
    assert set(labels.colors["continent"]) == set(labels.columns["continent"])
    assert labels.unmatched_rows == 0
    assert labels.columns["population"][samples.names.tolist().index("HG01565_A")] == "PEL"


def test_digits_have_no_names_and_are_numbered(shared):
    samples = read_samples(shared / "data" / "mnist10k.npz")
    labels = read_labels(shared / "data" / "mnist_labels.csv", samples.names)
    assert samples.values.shape == (10000, 784)
    assert samples.names[-1] == "9999"
    assert labels.columns["digit"][:3].tolist() == ["9", "1", "8"]


def test_planted_samples_lie_near_the_states_that_their_labels_name(shared):
    samples = read_samples(shared / "data" / "planted.npz")
    level3 = read_labels(shared / "data" / "planted_labels.csv", samples.names).columns["level3"]
    assert samples.values.shape == (2000, 200)
    for label in sorted(set(level3)):
        members = samples.values[level3 == label]
        state = members.mean(0) > 0.5
        assert np.mean(members != state) < 0.03


def test_kunitz_sequences_are_those_that_a_plain_reading_gives(shared):
    path = shared / "data" / "kunitz.fasta.gz"
    samples = read_samples(path)
    with gzip.open(path, "rt") as file:
        lines = file.read().split()
    assert samples.values.shape == (11819, 53)
    assert [">>" + name for name in samples.names] == lines[0::2]
    letters = np.array(list(PROTEIN_ALPHABET))
    assert ["".join(letters[row]) for row in samples.values] == lines[1::2]


def test_kunitz_holds_8062_distinct_sequences(shared):
    samples = read_samples(shared / "data" / "kunitz.fasta.gz")
    assert len(np.unique(samples.values, axis=0)) == 8062
