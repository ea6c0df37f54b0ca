"""The picture of a training: what a store holds is what is drawn."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from carving import RBM, CheckpointSequence, create_checkpoints
from carving.errors import InvalidInput
from carving.report import draw_training

AGES = [1, 10, 100, 1000]
STEPS = [np.nan, 2.0, 20.0, 50.0]
IS_BOUND = [0, 0, 1, 1]


def store(folder: Path, metrics: dict[str, list[float]], ages: list[int] = AGES, **training: object):
    rbm = RBM(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    with create_checkpoints(folder / "ck", training=training) as run:
        for row, age in enumerate(ages):
            run.append(rbm, updates=age, metrics={name: values[row] for name, values in metrics.items()})
        return run


@pytest.fixture
def measured(tmp_path: Path) -> CheckpointSequence:
    metrics = {
        "gossip": [5, 6, 8, 7],
        "weight_norm": [1, 2, 3, 4],
        "relaxation_steps": STEPS,
        "relaxation_is_bound": IS_BOUND,
        "pseudo_log_likelihood": [-0.7, -0.6, -0.5, -0.4],
        "never_measured": [np.nan] * 4,
    }
    return store(tmp_path, metrics, k=10)


def panels(run: CheckpointSequence) -> dict:
    return {axes.get_title(loc="left"): axes for axes in draw_training(run).axes}


def test_every_metric_has_a_panel_but_what_was_never_measured(measured):
    # those that trainings store first, in the order in which they are read
    assert list(panels(measured)) == [
        "Pseudo-log-likelihood",
        "Relaxation of chains",
        "Norm of the weights",
        "Gossip",
    ]


def test_lines_are_what_the_store_holds(measured):
    for title, values in (("Norm of the weights", [1, 2, 3, 4]), ("Gossip", [5, 6, 8, 7])):
        line = panels(measured)[title].lines[0]
        np.testing.assert_array_equal(line.get_xdata(), AGES)
        np.testing.assert_array_equal(line.get_ydata(), values)


def test_ages_are_on_a_logarithmic_axis_and_of_one_range(measured):
    every = list(panels(measured).values())
    assert {axes.get_xscale() for axes in every} == {"log"}
    assert len({axes.get_xlim() for axes in every}) == 1
    low, high = every[0].get_xlim()
    assert low < 1
    assert high > 1000


def test_lower_bounds_are_triangles_and_in_the_legend(measured):
    axes = panels(measured)["Relaxation of chains"]
    marked = {line.get_marker(): line for line in axes.lines}
    np.testing.assert_array_equal(marked["^"].get_xdata(), [100, 1000])
    np.testing.assert_array_equal(marked["^"].get_ydata(), [20, 50])
    np.testing.assert_array_equal(marked["o"].get_ydata(), [np.nan, 2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["at least"]


def test_steps_of_an_update_are_a_line_where_the_store_says_them(measured, tmp_path):
    def texts(run) -> list[str]:
        return [text.get_text() for text in panels(run)["Relaxation of chains"].texts]

    assert texts(measured) == ["10 an update"]
    (tmp_path / "silent").mkdir()
    assert texts(store(tmp_path / "silent", {"relaxation_steps": STEPS})) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ages", [[0], [1], [700], [0, 1], [0, 5, 50], [100, 101], [3, 70, 9000]])
def test_any_ages_can_be_drawn_and_are_labelled(tmp_path, ages):
    figure = draw_training(store(tmp_path, {"weight_norm": [1.0, 2.0, 4.0]}, ages))
    figure.savefig(tmp_path / "x.png")
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert low <= ages[0]
    assert ages[-1] <= high
    assert any(label.get_text() for label in axes.get_xticklabels())


def test_texts_do_not_overlap(measured):
    figure = draw_training(measured, title="A title")
    figure.draw_without_rendering()
    written = list(figure.texts)
    for axes in figure.axes:
        written += [axes.xaxis.label, axes.yaxis.label]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            # there are ticks outside of what is shown, which are not drawn
            written += [
                tick.label1 for tick in axis.get_major_ticks() if limits[0] <= tick.get_loc() <= limits[1]
            ]
    boxes = [text.get_window_extent() for text in written if text.get_text() and text.get_visible()]
    overlaps = [(a, b) for index, a in enumerate(boxes) for b in boxes[:index] if a.overlaps(b)]
    assert len(boxes) > 20
    assert overlaps == []


def test_a_store_without_metrics_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="ck: holds no metrics"):
        draw_training(store(tmp_path, {"weight_norm": [np.nan] * 4}))


def test_drawing_changes_no_setting_of_matplotlib(measured):
    before = dict(mpl.rcParams)
    draw_training(measured)
    assert dict(mpl.rcParams) == before
