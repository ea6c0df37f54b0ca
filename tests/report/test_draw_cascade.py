"""The picture of a cascade: what was found is what is drawn, where it belongs."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from carving.physics import (
    Cascade,
    ParamagneticState,
    SoftModes,
    SpectrumAlongLearning,
    Splits,
    StateSampling,
)
from carving.report import draw_cascade
from carving.report._palette import LINES, OTHER
from tests.report.texts import boxes_of_texts, overlapping_texts, texts_outside
from tests.trees import random_tree, small_tree

# of tests.trees.small_tree: t100.1 leaves t100.0 at age 40, t100.2 leaves t10.0 at age 4
AGES = np.array([1, 10, 100])
SPLIT_AGES, UNCERTAINTY = np.array([40.0, 4.0]), np.array([0.1, 0.3])


def spectrum(ages: np.ndarray = AGES) -> SpectrumAlongLearning:
    values = np.stack([np.geomspace(0.1, 9, len(ages)), np.geomspace(0.01, 8, len(ages))], 1)
    unknown = np.full_like(values, np.nan)
    # the two directions are the two visible units
    directions = np.tile(np.eye(2), (len(ages), 1, 1))
    return SpectrumAlongLearning(ages, values, directions, unknown, unknown, unknown, unknown, 4.0)


def paramagnetic(ages: np.ndarray = AGES, lost_age: float = np.nan) -> ParamagneticState:
    return ParamagneticState(ages, np.linspace(1, 0.4, len(ages)), lost_age, None, False)


def cascade() -> Cascade:
    states = small_tree().states
    modes = SoftModes(
        node=states.node,
        age=states.age,
        curvature=np.array([0.5, 0.3, 0.6, 0.2, 0.7, 0.9]),
        direction=np.array([[0, 1], [0, -1], [1, 0], [0, 1], [0.43, -0.9], [1, 0.0]]),
    )
    splits = Splits(
        node=np.array([3, 4]),
        child=np.array([1, 2]),
        other=np.array([0, 3]),
        age=SPLIT_AGES.copy(),
        uncertainty=UNCERTAINTY.copy(),
        kind=np.array(["saddle-node", "pitchfork"], dtype=object),
        distance=np.array([0.2, 0.0]),
        curvature=np.array([0.01, 0.0]),
        direction=np.array([[0, 1.0], [-1.0, 0]]),
    )
    return Cascade(2, spectrum(), paramagnetic(), small_tree(), modes, splits, None)


def sampled() -> Cascade:
    values = np.array([[0.1, 0.09], [0.2, 0.5], [0.3, 0.2], [0.4, 0.2], [0.9, 0.8], [0.2, 0.6]])
    chains = StateSampling(
        age=np.array([1, 10, 100, 100, 100, 10]),
        node=np.array([-1, -1, -1, 0, 2, 3]),
        susceptibility=3 * values,
        susceptibility_error=0.3 * values,
        absolute=values,
        absolute_error=0.1 * values,
        relaxation=100 * values,
        relaxation_error=np.where(values == 0.9, np.nan, 5 * values),
        # that of the second direction is not the largest, and not drawn
        is_bound=(values == 0.9) | (values == 0.8) | (values == 0.3),
    )
    return replace(cascade(), sampling=chains)


def bunched(count: int, *, age: float, ages: np.ndarray = AGES) -> Cascade:
    """Many splits at nearly the same age."""
    generator = np.random.default_rng(0)
    tree = random_tree(20_000, generator=generator, states=count + 1, sites=2, trajectories=False)
    splits = Splits(
        node=np.full(count, count + 1),
        child=np.arange(count),
        other=np.full(count, count),
        age=age * (1 + 1e-3 * np.arange(count)),
        uncertainty=np.full(count, 0.05),
        kind=np.full(count, "linkage", dtype=object),
        distance=np.zeros(count),
        curvature=np.zeros(count),
        direction=np.tile([1.0, 0.0], (count, 1)),
    )
    return Cascade(2, spectrum(ages), paramagnetic(ages), tree, None, splits, None)


def split_lines(axes) -> list[tuple[float, str]]:
    """Age and colour of the vertical lines of splits, in the data coordinates of a panel."""
    found = []
    for lines in axes.collections:
        if lines.get_label() == "splits":
            for segment, color in zip(lines.get_segments(), lines.get_colors(), strict=True):
                assert segment[0, 0] == segment[1, 0]
                found.append((float(segment[0, 0]), to_hex(color)))
    return found


def paths(axes) -> list[list[list[float]]]:
    """The points of all coloured lines of a panel."""
    found = []
    for lines in axes.collections:
        segments = lines.get_segments() if hasattr(lines, "get_segments") else []
        if lines.get_label() != "splits" and lines.get_transform() == axes.transData and len(segments):
            found.append([segments[0][0].tolist(), *(segment[1].tolist() for segment in segments)])
    return found


def panels(figure: Figure) -> dict:
    return {axes.get_ylabel(): axes for axes in figure.axes}


def test_panels_are_those_of_what_is_known():
    without = ["singular value", "smallest eigenvalue"]
    assert list(panels(draw_cascade(cascade()))) == without
    assert list(panels(draw_cascade(sampled()))) == [*without, "susceptibility", "relaxation, steps"]


@pytest.mark.parametrize(("ages", "scale"), [([1, 10, 100], "log"), ([0, 10, 100], "symlog")])
def test_ages_are_on_one_logarithmic_axis_that_may_begin_at_0(ages, scale):
    known = replace(sampled(), spectrum=spectrum(np.array(ages)))
    axes = draw_cascade(known).axes
    assert {each.get_xscale() for each in axes} == {scale}
    assert len({each.get_xlim() for each in axes}) == 1
    assert axes[0].get_xlim()[0] < ages[0]
    assert axes[0].get_xlim()[1] > 100
    assert [each.get_xlabel() for each in axes] == ["", "", "", "age, in updates"]


def test_singular_values_have_a_line_and_a_number_each():
    axes = panels(draw_cascade(cascade()))["singular value"]
    assert axes.get_yscale() == "log"
    for number in (0, 1):
        np.testing.assert_array_equal(axes.lines[number].get_ydata(), spectrum().values[:, number])
        (word,) = (text for text in axes.texts if text.get_text() == f"α = {number + 1}")
        assert word.get_color() == axes.lines[number].get_color() == LINES[number]
    (threshold,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert list(threshold.get_ydata()) == [4, 4]
    assert "unbiased threshold 4" in [text.get_text() for text in axes.texts]


def test_every_split_has_a_line_at_its_age_in_every_panel_in_the_colour_of_its_direction():
    for axes in draw_cascade(sampled()).axes:
        assert sorted(split_lines(axes)) == [(4.0, LINES[0]), (40.0, LINES[1])]


def test_splits_of_unknown_age_are_not_drawn():
    known = cascade()
    assert known.splits is not None
    known.splits.age[0] = np.nan
    for axes in draw_cascade(known).axes:
        assert split_lines(axes) == [(4.0, LINES[0])]


def test_directions_that_are_none_of_those_followed_are_grey_and_said_to_be():
    known = cascade()
    narrow = replace(
        known.spectrum, directions=known.spectrum.directions[:, :1], values=known.spectrum.values[:, :1]
    )
    axes = panels(draw_cascade(replace(known, spectrum=narrow)))["smallest eigenvalue"]
    assert sorted(split_lines(axes)) == [(4.0, LINES[0]), (40.0, OTHER)]
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["paramagnetic state", "other directions"]


def test_bands_are_as_wide_as_log_ages_are_uncertain():
    axes = draw_cascade(cascade()).axes[0]
    (bands,) = (each for each in axes.collections if type(each).__name__ == "PolyCollection")
    places = [np.asarray(path.vertices)[:, 0] for path in bands.get_paths()]
    edges = sorted((place.min(), place.max()) for place in places)
    log_age = np.log1p(np.sort(SPLIT_AGES))
    width = UNCERTAINTY[np.argsort(SPLIT_AGES)]
    np.testing.assert_allclose(np.log1p(edges), np.stack([log_age - width, log_age + width], 1))


def test_sizes_of_both_sides_are_above_their_line_the_larger_first():
    figure = draw_cascade(cascade())
    axes = figure.axes[0]
    boxes = boxes_of_texts(figure)
    for words, age in (("2 | 1", 40.0), ("3 | 2", 4.0)):
        ((box,), line) = boxes[words], axes.transData.transform((age, 1))[0]
        assert box.x0 < line < box.x1
        assert box.y0 > axes.get_window_extent().y1


def test_of_many_splits_all_have_lines_and_the_largest_twelve_sizes():
    known = bunched(40, age=10)
    axes = draw_cascade(known).axes[0]
    assert len(split_lines(axes)) == 40
    assert known.tree is not None
    size = known.tree.nodes.size[:41].tolist()
    sides = sorted(((min(each, size[40]), max(each, size[40])) for each in size[:40]), reverse=True)
    words = [text.get_text() for text in axes.texts if "|" in text.get_text()]
    assert sorted(words) == sorted(f"{large:,} | {small:,}" for small, large in sides[:12])


def test_states_begin_where_they_are_lost_or_where_their_parents_end():
    axes = panels(draw_cascade(cascade()))["smallest eigenvalue"]
    assert sorted(paths(axes)) == sorted(
        [
            # node 0 goes on from its parent 3, node 1 begins at its split
            [[10, 0.2], [100, 0.5]],
            [[40, 0.01], [100, 0.3]],
            # at a pitchfork both begin
            [[4, 0.0], [10, 0.7], [100, 0.6]],
            [[4, 0.0], [10, 0.2]],
        ]
    )
    low, high = axes.get_ylim()
    assert low < 0 < 1 < high
    assert "unstable" in [text.get_text() for text in axes.texts]


def test_states_have_the_colour_of_their_softest_direction():
    axes = panels(draw_cascade(cascade()))["smallest eigenvalue"]
    colors: dict[tuple, str] = {}
    for dots in axes.collections:
        if type(dots).__name__ == "PathCollection":
            for place, color in zip(dots.get_offsets().tolist(), dots.get_facecolors(), strict=True):
                colors[tuple(place)] = to_hex(color)
        elif type(dots).__name__ == "LineCollection" and dots.get_label() != "splits":
            for ends, color in zip(dots.get_segments(), dots.get_colors(), strict=True):
                colors[tuple(ends.ravel())] = to_hex(color)
    assert colors[(100, 0.5)] == colors[(100, 0.3)] == colors[(10, 0.2)] == colors[(10, 0.7)] == LINES[1]
    assert colors[(100, 0.6)] == colors[(1, 0.9)] == LINES[0]
    # a line has the colour of its older end
    assert colors[(4, 0.0, 10, 0.7)] == LINES[1]
    assert colors[(10, 0.7, 100, 0.6)] == LINES[0]


@pytest.mark.parametrize("lost_age", [np.nan, 30.0])
def test_the_paramagnetic_state_is_dashed_and_reaches_0_where_it_is_lost(lost_age):
    known = replace(cascade(), paramagnetic=paramagnetic(lost_age=lost_age))
    axes = panels(draw_cascade(known))["smallest eigenvalue"]
    (line,) = (each for each in axes.lines if each.get_label() == "paramagnetic state")
    assert line.is_dashed()
    points = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
    expected = [(1, 1.0), (10, 0.7), (100, 0.4)]
    if lost_age == 30:
        expected.insert(2, (30, 0.0))
    np.testing.assert_allclose(points, expected)


def test_without_a_tree_there_is_only_the_paramagnetic_state():
    figure = draw_cascade(replace(cascade(), tree=None, soft_modes=None, splits=None))
    axes = panels(figure)["smallest eigenvalue"]
    assert paths(axes) == []
    assert split_lines(axes) == []
    assert "paramagnetic state" in boxes_of_texts(figure)


def test_of_each_state_the_direction_with_the_largest_value_is_drawn():
    shown = panels(draw_cascade(sampled()))
    for name, factor in (("susceptibility", 1), ("relaxation, steps", 100)):
        together = [[1, 0.1], [10, 0.5], [100, 0.3]]
        (path,) = paths(shown[name])[:1]
        np.testing.assert_allclose(path, [[age, factor * value] for age, value in together])
        assert shown[name].get_yscale() == "log"


def test_lower_bounds_are_open_triangles_without_errors():
    axes = panels(draw_cascade(sampled()))["relaxation, steps"]
    triangles = [line for line in axes.lines if line.get_marker() == "^"]
    assert sorted((line.get_xdata().tolist(), line.get_ydata().tolist()) for line in triangles) == [
        ([100], [30]),
        ([100], [90]),
    ]
    assert {line.get_markerfacecolor() for line in triangles} == {"white"}
    errors = [segment for bars in axes.containers for segment in bars[2][0].get_segments()]
    tops = sorted(tuple(segment[:, 1].round(9)) for segment in errors)
    assert tops == [(9.5, 10.5), (38.0, 42.0), (47.5, 52.5), (57.0, 63.0)]
    assert "at least" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_no_points_are_behind_words():
    known = sampled()
    assert known.sampling is not None
    # the first and the youngest is the largest
    known.sampling.relaxation[:, :] = np.linspace(1000, 1, 6)[:, None]
    figure = draw_cascade(known)
    axes = panels(figure)["relaxation, steps"]
    legend = axes.get_legend().get_window_extent()
    assert not legend.contains(*axes.transData.transform((1, 1000)))


@pytest.mark.parametrize(
    "known",
    [
        cascade(),
        sampled(),
        bunched(40, age=1),
        bunched(40, age=99),
        bunched(2, age=50),
        bunched(1, age=1.2, ages=np.array([0, 3])),
    ],
    ids=["small", "sampled", "many young", "many old", "two", "age 0"],
)
def test_texts_do_not_overlap_and_are_inside(known):
    figure = draw_cascade(known, title="A title")
    assert overlapping_texts(figure) == []
    assert texts_outside(figure) == []


def test_of_directions_that_end_together_numbers_do_not_overlap():
    many = spectrum()
    same = np.repeat(many.values[:, :1], 10, axis=1)
    known = replace(cascade(), spectrum=replace(many, values=same))
    figure = draw_cascade(known)
    assert len([name for name in boxes_of_texts(figure) if name.startswith("α")]) == 10
    assert overlapping_texts(figure) == []
    assert texts_outside(figure) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ages", [[0], [1], [700], [0, 1], [100, 101], [3, 70, 9000]])
def test_any_ages_can_be_drawn(tmp_path, ages):
    known = Cascade(2, spectrum(np.array(ages)), paramagnetic(np.array(ages)), None, None, None, None)
    draw_cascade(known).savefig(tmp_path / "x.svg")
    # a training may begin without weights
    known.spectrum.values[0] = 0
    draw_cascade(known).savefig(tmp_path / "x.svg")


@pytest.mark.filterwarnings("error")
def test_a_tree_without_splits_and_chains_without_a_result_can_be_drawn(tmp_path):
    known = sampled()
    assert known.splits is not None
    assert known.sampling is not None
    none = {name: column[:0] for name, column in vars(known.splits).items()}
    known.sampling.relaxation[:] = 0
    known.sampling.absolute[:] = np.nan
    figure = draw_cascade(replace(known, splits=Splits(**none)))
    figure.savefig(tmp_path / "x.png")
    assert len(figure.axes) == 4


def test_drawing_changes_no_setting_of_matplotlib():
    before = {name: value for name, value in mpl.rcParams.copy().items() if name != "backend"}
    draw_cascade(sampled()).canvas.draw()
    assert {name: value for name, value in mpl.rcParams.copy().items() if name != "backend"} == before
