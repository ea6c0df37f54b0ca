"""Queries of many clients at once against the library, asked for the same one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch

import carving
from carving.errors import CarvingError, InvalidInput, MissingFile, OutOfMemory
from carving.meanfield import FixedPoints
from carving.service import Settings, Workspace
from carving.service._problems import Refusal
from carving.service.queries import Queries, _queries, _solving
from carving.tree import Placement, TrainingEnergies, trajectories
from tests.service.workspaces import make_workspace
from tests.tree.runs import pattern_machines, pattern_samples

STORE_OF = {"tree": "checkpoints", "families": "sequences"}
VISIBLE = {"checkpoints": "bernoulli", "sequences": "potts"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    return Workspace(folder), make_workspace(folder)


def asked(workspace: Workspace, scene: Callable[[Queries], Awaitable[Any]], **settings: Any) -> Any:
    """What comes of a scene of queries."""

    async def play() -> Any:
        queries = Queries(workspace, Settings(**settings))
        await queries.start()
        try:
            return await scene(queries)
        finally:
            await queries.stop()

    return asyncio.run(play())


def parts_of(samples: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """Samples as several clients would send them."""
    cuts = np.random.default_rng(seed).choice(np.arange(1, len(samples)), 12, replace=False)
    return np.split(samples, np.sort(cuts))


def identical(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    for field in fields(one):
        if field.name != "spent":
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def close(one: Any, other: Any) -> None:
    """The same points, within the errors that both state."""
    assert bool(one.converged.all())
    error = one.error + other.error + 1e-12
    for layer in ("visible", "hidden"):
        apart = (getattr(one, layer) - getattr(other, layer)).abs()
        assert bool((apart.flatten(error.ndim).amax(-1) <= error).all()), layer
    assert one.free_energy.numpy() == pytest.approx(other.free_energy.numpy(), abs=1e-9)
    assert torch.equal(one.stable, other.stable)


# ---- the same answers


@pytest.mark.parametrize("store", ["checkpoints", "sequences"])
def test_fixed_points_asked_together_are_those_of_each_alone(workspace, store):
    run = carving.open_checkpoints(workspace[0].folder / store)
    samples = pattern_samples(60, visible=VISIBLE[store], flips=0.35, seed=3)

    async def scene(queries: Queries) -> list[FixedPoints]:
        answers = []
        for _ in range(2):  # cold, and when all is known
            asked = [queries.fixed_points(store, part, age=100, order=1) for part in parts_of(samples)]
            answers.append(FixedPoints.joined(await asyncio.gather(*asked)))
        return answers

    for found in asked(workspace[0], scene):
        close(found, carving.fixed_points(run.at_age(100), samples, order=1))


@pytest.mark.parametrize("tree", ["tree", "families"])
def test_placements_asked_together_are_those_of_each_alone(workspace, tree):
    run = carving.open_checkpoints(workspace[0].folder / STORE_OF[tree])
    samples = pattern_samples(60, visible=VISIBLE[STORE_OF[tree]], flips=0.35, seed=3)

    async def scene(queries: Queries) -> list[list[Any]]:
        return [
            await asyncio.gather(*[queries.place(tree, part) for part in parts_of(samples, seed)])
            for seed in range(3)
        ]

    finished = workspace[1][tree]
    expected, energies = finished.place(samples, run), TrainingEnergies(run)
    for placed in asked(workspace[0], scene):
        found = Placement.joined([part.placement for part in placed])
        assert np.array_equal(found.node, expected.node)
        assert np.array_equal(found.age, expected.age)
        assert found.converged.all()
        for name in ("distance", "second_distance"):
            values = getattr(found, name)
            assert values == pytest.approx(getattr(expected, name), abs=1e-6, nan_ok=True)
        names = np.concatenate([part.node_name for part in placed])
        assert names.tolist() == finished.nodes.name[expected.node].tolist()
        percentile = np.concatenate([part.novelty.percentile for part in placed])
        assert percentile.tolist() == energies.novelty(samples).percentile.tolist()


def test_trajectories_asked_together_are_those_of_each_alone(workspace):
    run = carving.open_checkpoints(workspace[0].folder / "checkpoints")
    samples = pattern_samples(20, flips=0.35, seed=4)

    async def scene(queries: Queries) -> list[Any]:
        asked = [queries.trajectories("checkpoints", part, ages="1,100,1000") for part in parts_of(samples)]
        return await asyncio.gather(*asked)

    expected, low = trajectories(run, samples, ages="1,100,1000"), 0
    for found in asked(workspace[0], scene):
        rows = slice(low, low + len(found))
        close(found, expected[rows])
        assert found.age.tolist() == [1000, 100, 1]
        assert found.moved.numpy() == pytest.approx(expected.moved[rows].numpy(), abs=1e-6)
        low = rows.stop


def test_without_batching_every_answer_is_the_library_s_to_the_last_bit(workspace):
    run = carving.open_checkpoints(workspace[0].folder / "checkpoints")
    samples = pattern_samples(9, flips=0.35, seed=3)

    async def scene(queries: Queries) -> list[Any]:
        return [
            await asyncio.gather(
                queries.fixed_points("checkpoints", samples),
                queries.trajectories("checkpoints", samples),
                queries.place("tree", samples),
            )
            for _ in range(2)
        ]

    for points, ways, placed in asked(workspace[0], scene, batching=False):
        identical(points, carving.fixed_points(run[-1], samples))
        identical(ways, trajectories(run, samples))
        identical(placed.placement, workspace[1]["tree"].place(samples, run))


def test_the_first_to_ask_gets_the_library_s_answer_to_the_last_bit(workspace):
    run = carving.open_checkpoints(workspace[0].folder / "checkpoints")
    samples = pattern_samples(9, flips=0.35, seed=3)
    found = asked(workspace[0], lambda queries: queries.fixed_points("checkpoints", samples))
    identical(found, carving.fixed_points(run[-1], samples))


def test_samples_come_in_every_form_that_the_unit_encodes(workspace):
    codes = pattern_samples(4, visible="potts", seed=2)
    one_hot = np.eye(3, dtype=np.uint8)[codes]

    async def scene(queries: Queries) -> list[Any]:
        forms = [codes, one_hot, codes.astype(np.int64), one_hot.astype(np.float64)]
        return await asyncio.gather(*[queries.place("families", form) for form in forms])

    first, *others = asked(workspace[0], scene)
    for other in others:
        assert np.array_equal(first.placement.node, other.placement.node)


def test_rows_in_pieces_are_the_same(workspace, monkeypatch):
    monkeypatch.setattr(_solving, "_NUMBERS_AT_ONCE", 100)
    run = carving.open_checkpoints(workspace[0].folder / "checkpoints")
    samples = pattern_samples(10, flips=0.35, seed=3)

    async def scene(queries: Queries) -> Any:
        return await asyncio.gather(
            queries.fixed_points("checkpoints", samples), queries.place("tree", samples)
        )

    points, placed = asked(workspace[0], scene)
    close(points, carving.fixed_points(run[-1], samples))
    assert np.array_equal(placed.placement.node, workspace[1]["tree"].place(samples, run).node)


def test_samples_unlike_the_training_are_outside(workspace):
    noise = np.random.default_rng(0).integers(0, 2, (5, 24), dtype=np.uint8)
    usual = pattern_samples(30)[:5]
    placed = asked(workspace[0], lambda queries: queries.place("tree", np.vstack([usual, noise])))
    assert placed.novelty.outside.tolist() == [False] * 5 + [True] * 5


# ---- what cannot be answered


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (pattern_samples(3)[:, :-1], "23"),
        (pattern_samples(3) + 1, "row 0"),
        (pattern_samples(3)[0], "dimensions"),
        (np.full((2, 24), np.nan), "row 0, column 0"),
    ],
    ids=["too few sites", "a two", "one dimension", "no numbers"],
)
def test_bad_samples_fail_alone(workspace, samples, words):
    async def scene(queries: Queries) -> list[Any]:
        good, bad = pattern_samples(3), samples
        asked = [queries.place("tree", each) for each in (good, bad, good)]
        asked += [queries.fixed_points("checkpoints", each) for each in (good, bad, good)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asked(workspace[0], scene)
    for bad in (answers[1], answers[4]):
        assert isinstance(bad, InvalidInput)
        assert words in str(bad)
    assert [len(answers[number]) for number in (0, 2, 3, 5)] == [3] * 4


def test_what_is_not_there_or_out_of_range_fails_alone(workspace):
    async def scene(queries: Queries) -> list[Any]:
        samples = pattern_samples(2)
        return await asyncio.gather(
            queries.place("no such tree", samples),
            queries.fixed_points("no such store", samples),
            queries.fixed_points("checkpoints", samples, age=999),
            queries.fixed_points("checkpoints", samples, order=4),
            queries.fixed_points("checkpoints", samples, tolerance=-1.0),
            queries.trajectories("checkpoints", samples, ages="some"),
            queries.fixed_points("checkpoints", samples),
            return_exceptions=True,
        )

    *wrong, right = asked(workspace[0], scene)
    assert all(isinstance(error, CarvingError) for error in wrong)
    assert [type(error) for error in wrong[:2]] == [MissingFile] * 2
    assert len(right) == 2


def test_too_many_points_for_one_answer_are_refused(workspace, monkeypatch):
    # 2 samples, 4 ages, 24 sites and 12 hidden units
    monkeypatch.setattr(_queries, "_MOST_NUMBERS", 2 * 4 * 36)
    ask = lambda count: asked(  # noqa: E731
        workspace[0], lambda queries: queries.trajectories("checkpoints", pattern_samples(count))
    )
    assert len(ask(2)) == 2
    with pytest.raises(Refusal, match="fewer ages") as refusal:
        ask(3)
    assert refusal.value.status == 413


def test_memory_that_does_not_suffice_for_all_does_for_each(workspace, monkeypatch):
    together = []
    original = _solving.WarmSolver.run

    def run(self, samples, hidden=None):
        together.append(len(samples))
        if len(samples) > 4:
            raise MemoryError
        return original(self, samples, hidden)

    monkeypatch.setattr(_solving.WarmSolver, "run", run)

    async def scene(queries: Queries) -> list[Any]:
        asked = [queries.fixed_points("checkpoints", pattern_samples(count)) for count in (1, 2, 3, 4, 5)]
        return await asyncio.gather(*asked, return_exceptions=True)

    *fine, too_large = asked(workspace[0], scene)
    assert [len(points) for points in fine] == [1, 2, 3, 4]
    assert isinstance(too_large, OutOfMemory)
    assert "send fewer" in str(too_large)
    assert max(together) > 5


# ---- stores change


def test_machines_that_come_later_are_used(tmp_path):
    folder = tmp_path / "run"
    machines, samples = pattern_machines(), pattern_samples(6)
    run = carving.create_checkpoints(folder, visible="bernoulli", samples=samples)
    run.append(machines[10], updates=10)

    async def scene(queries: Queries) -> None:
        before = await queries.fixed_points("run", samples)
        run.append(machines[1000], updates=1000)
        after = await queries.fixed_points("run", samples)
        close(before, carving.fixed_points(run.at_age(10), samples))
        close(after, carving.fixed_points(run.at_age(1000), samples))

    with run:
        asked(Workspace(tmp_path), scene)


def test_another_store_of_the_same_name_is_another_store(tmp_path):
    samples = pattern_samples(6)

    async def scene(queries: Queries) -> None:
        for seed in (1, 2):
            with carving.create_checkpoints(tmp_path / "run", visible="bernoulli") as run:
                run.append(pattern_machines(seed=seed)[1000], updates=1000)
            close(await queries.fixed_points("run", samples), carving.fixed_points(run[-1], samples))
            (tmp_path / "run").rename(tmp_path / f".run {seed}")

    asked(Workspace(tmp_path), scene)
