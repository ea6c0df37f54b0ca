"""Pictures of hysteresis loops, landscapes and power laws: what was found is what is drawn."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection

from carving.errors import InvalidInput
from carving.physics.exponents import PowerLaw, fit_power_law
from carving.physics.hysteresis import Branch, Hysteresis
from carving.physics.landscape import Landscape
from carving.report import draw_hysteresis, draw_landscape, draw_power_law
from tests.report.texts import boxes_of_texts, overlapping_texts, texts_outside


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def loop(*, closed: bool = True) -> Hysteresis:
    """A square loop: jumps at ±½ between projections ±1."""
    fields = numbers(-1, 0, 1)
    empty = numbers(0, 0, 0)
    up = Branch(fields, numbers(-1, -1, 1), empty, numbers(0.5), numbers(-1), numbers(1), numbers(1))
    down = Branch(
        fields.flip(0), numbers(1, 1, -1), empty, numbers(-0.5), numbers(1), numbers(-1), numbers(1)
    )
    return Hysteresis(up, down, numbers(1), numbers(0), 2.0, closed)


def landscape(
    free_energy: list[float], saddles: list[tuple[int, int, float]], weight: list[float]
) -> Landscape:
    count, found = len(free_energy), len(saddles)
    nothing = torch.zeros(0, 1, dtype=torch.float64)
    pairs = np.array([saddle[:2] for saddle in saddles], dtype=np.int64).reshape(-1, 2)
    return Landscape(
        visible=torch.zeros(count, 1, dtype=torch.float64),
        hidden=nothing,
        free_energy=numbers(*free_energy),
        curvature=numbers(*[0.5] * count),
        weight=numbers(*weight),
        minimum=np.zeros(1, dtype=np.int64),
        saddle_visible=nothing,
        saddle_hidden=nothing,
        saddle_free_energy=numbers(*[saddle[2] for saddle in saddles]),
        saddle_curvature=numbers(*[-0.5] * found),
        between=pairs,
        neighbours=pairs,
        unresolved=pairs[:0],
    )


def segments(axes, *, dashed: bool) -> set[tuple[tuple[float, float], tuple[float, float]]]:
    """Ends of straight lines, the lower left one first."""
    found = set()
    for lines in axes.collections:
        if isinstance(lines, LineCollection) and len(lines.get_segments()):
            pattern: Any = lines.get_linestyle()
            if (pattern[0][1] is not None) == dashed:
                for ends in np.round(lines.get_segments(), 9).tolist():
                    begin, end = sorted(map(tuple, ends))
                    found.add((begin, end))
    return found


def test_branches_of_a_loop_jump_where_they_do():
    (axes,) = draw_hysteresis(loop()).axes
    drawn = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in axes.lines}
    assert drawn["up"] == [[-1, -1], [0, -1], [0.5, -1], [0.5, 1], [1, 1]]
    assert drawn["down"] == [[1, 1], [0, 1], [-0.5, 1], [-0.5, -1], [-1, -1]]


def test_what_is_shaded_has_the_area_of_the_loop():
    (axes,) = draw_hysteresis(loop()).axes
    (shaded,) = axes.patches
    x, y = np.asarray(shaded.get_path().vertices).T
    assert abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2 == pytest.approx(2)


@pytest.mark.parametrize(("closed", "words"), [(True, "area 2"), (False, "area 2, not closed")])
def test_the_area_is_written_and_whether_the_loop_is_closed(closed, words):
    assert words in boxes_of_texts(draw_hysteresis(loop(closed=closed)))


def test_a_loop_without_jumps_has_no_arrows():
    fields, none = numbers(-1, 1), numbers()
    up = Branch(fields, fields, fields, none, none, none, none)
    down = Branch(fields.flip(0), fields.flip(0), fields, none, none, none, none)
    (axes,) = draw_hysteresis(Hysteresis(up, down, numbers(1), numbers(0), 0.0, True)).axes
    assert [text for text in axes.texts if getattr(text, "arrow_patch", None)] == []


def test_minima_meet_at_the_lowest_saddle_that_joins_them():
    # 0 and 2 at 3, the lower of their two saddles; 1 joins them at 5, by way of 2
    found = landscape([1, 2, 1.5], [(0, 2, 4), (0, 2, 3.5), (1, 2, 6)], [0.5, 0.3, 0.2])
    (axes,) = draw_landscape(found).axes
    assert segments(axes, dashed=False) == {
        ((0, 0), (0, 2.5)),
        ((1, 0.5), (1, 2.5)),
        ((0, 2.5), (1, 2.5)),
        ((0.5, 2.5), (0.5, 5)),
        ((2, 1), (2, 5)),
        ((0.5, 5), (2, 5)),
    }
    # places follow from the graph, so that no lines cross
    assert [text.get_text() for text in axes.get_xticklabels()] == ["50 %", "30 %", "20 %"]
    assert list(axes.xaxis.get_major_locator()()) == [0, 2, 1]


def test_groups_that_no_saddle_joins_end_at_the_top_dashed():
    figure = draw_landscape(landscape([0, 1, 2], [(0, 1, 3)], [0.5, 0.3, 0.2]))
    (axes,) = figure.axes
    top = axes.get_ylim()[1]
    assert segments(axes, dashed=True) == {((0.5, 3), (0.5, round(top, 9))), ((2, 2), (2, round(top, 9)))}
    assert "no saddle found" in boxes_of_texts(figure)


def test_minima_that_no_sample_belongs_to_are_open():
    (axes,) = draw_landscape(landscape([0, 1], [(0, 1, 3)], [1, 0])).axes
    filled, hollow = (each for each in axes.collections if not isinstance(each, LineCollection))
    np.testing.assert_array_equal(filled.get_offsets(), [[0, 0]])
    np.testing.assert_array_equal(hollow.get_offsets(), [[1, 1]])
    np.testing.assert_array_equal(np.asarray(hollow.get_facecolor())[:, :3], [[1, 1, 1]])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 2, 7, 30, 300])
def test_any_number_of_minima_can_be_drawn(tmp_path, count):
    saddles = [(0, other, 5.0 + other) for other in range(1, count)]
    figure = draw_landscape(landscape(list(range(count)), saddles, [1 / count] * count), title="Minima")
    figure.savefig(tmp_path / "x.png")
    assert overlapping_texts(figure) == []
    assert texts_outside(figure) == []


X = np.array([0.01, 0.02, 0.1, 0.5])


def test_points_errors_and_the_line_are_those_of_the_power_law():
    law = PowerLaw(-1.0, 0.02, 3.0, 0.1, 0.9, 4)
    (axes,) = draw_power_law(X, 3 / X, law, y_error=0.3 / X).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    line, points = axes.lines[0], axes.containers[0]
    np.testing.assert_allclose(np.asarray(line.get_xydata()), [[0.01, 300], [0.5, 6]])
    np.testing.assert_allclose(points[0].get_xydata(), np.stack([X, 3 / X], 1))
    bars = np.array(points[2][0].get_segments())
    np.testing.assert_allclose(bars[:, 0, 1], 2.7 / X)
    np.testing.assert_allclose(bars[:, 1, 1], 3.3 / X)


@pytest.mark.parametrize(
    ("exponent", "error", "chi", "words"),
    [
        (-1.0234, 0.0213, 0.912, "exponent −1.023 ± 0.021, χ² 0.91 a degree"),
        (2.5, 0.3, np.nan, "exponent 2.50 ± 0.30"),
        (2.5, np.nan, np.nan, "exponent 2.5"),
        (120.0, 14.0, np.nan, "exponent 120 ± 14"),
    ],
)
def test_the_exponent_is_written_with_two_digits_of_its_error(exponent, error, chi, words):
    law = PowerLaw(exponent, error, 1.0, 0.1, chi, 4)
    assert words in boxes_of_texts(draw_power_law([1, 2], [1, 2], law))


@pytest.mark.parametrize(("power", "points"), [(-1, X), (1, X), (0.1, X), (1, [3.0, 3.1])])
def test_texts_of_a_power_law_do_not_overlap_and_hide_no_point(power, points):
    x = np.array(points)
    y = 7 * x**power
    figure = draw_power_law(x, y, fit_power_law(x, y, 0.01 * y), x_label="1 − x", y_label="χ", title="γ")
    assert overlapping_texts(figure) == []
    assert texts_outside(figure) == []
    (axes,) = figure.axes
    words = axes.get_legend()
    assert words is not None
    legend = words.get_window_extent()
    places = axes.transData.transform(np.stack([x, y], 1))
    assert not any(legend.contains(*place) for place in places)


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        ([1, 2], [1], None),
        ([1, 0], [1, 1], None),
        ([1, 2], [np.nan, 1], None),
        ([1, 2], [1, 2], [1]),
        ([], [], None),
    ],
)
def test_points_that_have_no_logarithm_are_refused(x, y, error):
    with pytest.raises(InvalidInput, match="x, y, y_error"):
        draw_power_law(x, y, PowerLaw(1.0, 0.1, 1.0, 0.1, 1.0, 2), y_error=error)


def test_drawing_changes_no_setting_of_matplotlib():
    before = {name: value for name, value in mpl.rcParams.copy().items() if name != "backend"}
    draw_hysteresis(loop()).canvas.draw()
    draw_landscape(landscape([0, 1], [(0, 1, 3)], [1, 0])).canvas.draw()
    draw_power_law([1, 2], [1, 2], PowerLaw(1.0, 0.1, 1.0, 0.1, 1.0, 2)).canvas.draw()
    assert {name: value for name, value in mpl.rcParams.copy().items() if name != "backend"} == before
