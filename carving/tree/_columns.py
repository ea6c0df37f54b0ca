"""The columns of a tree: nodes, leaves, states and ages as tables of arrays that cannot be changed."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np

from carving.errors import InvalidInput


def string_column(values: Any, place: str, *, allow_empty: bool = False) -> np.ndarray:
    """Values as a read-only object array of ``str``; empty ones only where they mean "unknown"."""
    given = values if isinstance(values, np.ndarray) else list(values)
    column = np.empty(len(given), dtype=object)
    column[:] = given
    for index, value in enumerate(column):
        if not isinstance(value, str):
            raise InvalidInput(f"{place}: entry {index} is {value!r}; give text")
        if not value and not allow_empty:
            raise InvalidInput(f"{place}: entry {index} is empty; give every one a name")
    try:
        "".join(column).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{place}: {error.object[error.start]!r} is no character; decode as UTF-8"
        ) from None
    column.flags.writeable = False
    return column


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself, with ``_`` added until it is none of those taken."""
    while name in taken:
        name += "_"
    return name


def _number_column(values: Any, dtype: str, place: str) -> np.ndarray:
    """Values as a read-only array of the column's type; nothing but a widening is done silently."""
    given = np.asarray(values)
    if given.size and not np.can_cast(given.dtype, np.dtype(dtype), casting="same_kind"):
        raise InvalidInput(f"{place}: holds {given.dtype} values; give {np.dtype(dtype)}")
    column = given.astype(dtype, copy=False).view()
    column.flags.writeable = False
    return column


@dataclass(frozen=True, eq=False, repr=False)
class _Columns:
    """A table: every field is an array with one entry, or one row, for each row of the table."""

    column_types: ClassVar[dict[str, str]]
    # what fills a column that is not given: one that trees had not when they were first stored
    defaults: ClassVar[dict[str, float]] = {}

    def __post_init__(self) -> None:
        rows = len(getattr(self, fields(self)[0].name))
        for name, value in self.defaults.items():
            if len(getattr(self, name)) == 0:
                object.__setattr__(self, name, np.full(rows, value))
        table = type(self).__name__.lower()
        for name, dtype in self.column_types.items():
            place = f"{table}: {name}"
            values = getattr(self, name)
            column = string_column(values, place) if dtype == "O" else _number_column(values, dtype, place)
            object.__setattr__(self, name, column)
        lengths = {name: len(getattr(self, name)) for name in self.column_types}
        if len(set(lengths.values())) > 1:
            raise InvalidInput(f"{table}: columns differ in length ({lengths}); give every row a value")

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: np.ndarray, **changed: np.ndarray) -> Self:
        """The table of these rows, in their order, but for the columns that are given."""
        columns = {name: getattr(self, name)[rows] for name in self.column_types if name not in changed}
        return type(self)(**columns, **changed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} rows: {', '.join(self.column_types)})"


@dataclass(frozen=True, eq=False, repr=False)
class Nodes(_Columns):
    """The nodes of a tree: each is a set of leaves that are one group over a run of ages.

    Children come before their parents, ages from old to young, and the root comes last.

    Attributes
    ----------
    name : numpy.ndarray of str, shape (nodes,)
        ``t{age}.{k}``, k counted by first leaf.
    parent : numpy.ndarray of int64, shape (nodes,)
        The node that this one merges into; -1 for the root.
    age : numpy.ndarray of int64, shape (nodes,)
        The oldest age, in gradient updates, at which the members are one group; 0 for a root that had
        to be added because several groups were left at the youngest age.
    size : numpy.ndarray of int64, shape (nodes,)
        How many samples it holds: the sizes of its leaves together.
    free_energy : numpy.ndarray of float64, shape (nodes,)
        Gibbs free energy of its fixed point, equations (3)-(5); NaN for an added root.
    error : numpy.ndarray of float64, shape (nodes,)
        Estimated distance to the exact fixed point, max-norm over both layers.
    converged, stable : numpy.ndarray of bool, shape (nodes,)
        Whether that error is below the tolerance, and whether the point is a minimum.
    visible : numpy.ndarray of float64, shape (nodes, N_v) or (nodes, N_v, q)
        Visible magnetisations of the fixed point at ``age``; NaN for an added root.
    hidden : numpy.ndarray of float64, shape (nodes, N_h)
        Hidden magnetisations.
    birth_age : numpy.ndarray of float64, shape (nodes,)
        When exactly the members become one group, between checkpoints; NaN unless
        :func:`carving.physics.locate_splits` has found it.
    birth_uncertainty : numpy.ndarray of float64, shape (nodes,)
        Of log(1 + ``birth_age``).
    support : numpy.ndarray of float64, shape (nodes,)
        Share of other trees that have a node of the same leaves; NaN unless :meth:`Tree.with_support` has
        set it.
    """

    name: np.ndarray
    parent: np.ndarray
    age: np.ndarray
    size: np.ndarray
    free_energy: np.ndarray
    error: np.ndarray
    converged: np.ndarray
    stable: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray
    birth_age: np.ndarray = field(default_factory=lambda: np.empty(0))
    birth_uncertainty: np.ndarray = field(default_factory=lambda: np.empty(0))
    support: np.ndarray = field(default_factory=lambda: np.empty(0))

    column_types: ClassVar[dict[str, str]] = {
        "name": "O",
        "parent": "int64",
        "age": "int64",
        "size": "int64",
        "free_energy": "float64",
        "error": "float64",
        "converged": "bool",
        "stable": "bool",
        "visible": "float64",
        "hidden": "float64",
        "birth_age": "float64",
        "birth_uncertainty": "float64",
        "support": "float64",
    }
    defaults: ClassVar[dict[str, float]] = dict.fromkeys(
        ("birth_age", "birth_uncertainty", "support"), np.nan
    )


@dataclass(frozen=True, eq=False, repr=False)
class Leaves(_Columns):
    """The leaves of a tree: the samples, in the order in which they were given.

    Attributes
    ----------
    name : numpy.ndarray of str, shape (leaves,)
    node : numpy.ndarray of int64, shape (leaves,)
        The node that the sample falls into at the oldest age.
    distance : numpy.ndarray of float64, shape (leaves,)
        Per-site distance between the sample and that state's magnetisations.
    error : numpy.ndarray of float64, shape (leaves,)
        Estimated error of the sample's own fixed point at the oldest age.
    size : numpy.ndarray of int64, shape (leaves,)
        How many samples it stands for: 1, unless :meth:`Tree.condense` has made one of many.
    """

    name: np.ndarray
    node: np.ndarray
    distance: np.ndarray
    error: np.ndarray
    size: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    column_types: ClassVar[dict[str, str]] = {
        "name": "O",
        "node": "int64",
        "distance": "float64",
        "error": "float64",
        "size": "int64",
    }
    defaults: ClassVar[dict[str, float]] = {"size": 1}


@dataclass(frozen=True, eq=False, repr=False)
class States(_Columns):
    """Every state at every age, the oldest age first: the trajectories of the nodes.

    Attributes
    ----------
    node, age : numpy.ndarray of int64, shape (states,)
        The node that the state belongs to, and the age.
    visible, hidden : numpy.ndarray of float32, shape (states, N_v[, q]) and (states, N_h)
        Its magnetisations.
    free_energy, error : numpy.ndarray of float64, shape (states,)
    converged : numpy.ndarray of bool, shape (states,)
    """

    node: np.ndarray
    age: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray
    free_energy: np.ndarray
    error: np.ndarray
    converged: np.ndarray

    def row(self, node: int, age: int) -> int:
        """The row of a node's state at an age at which it has one; ``IndexError`` elsewhere."""
        return int(np.flatnonzero((self.node == node) & (self.age == age))[0])

    def rows_at(self, age: int) -> np.ndarray:
        """The rows of an age, none where it was not walked: they lie together. (n,) int64"""
        return np.arange(*np.searchsorted(-self.age, [-age, -age + 1]))

    column_types: ClassVar[dict[str, str]] = {
        "node": "int64",
        "age": "int64",
        "visible": "float32",
        "hidden": "float32",
        "free_energy": "float64",
        "error": "float64",
        "converged": "bool",
    }


@dataclass(frozen=True, eq=False, repr=False)
class Ages(_Columns):
    """The ages that were walked, the oldest first.

    Attributes
    ----------
    updates : numpy.ndarray of int64, shape (ages,)
        Gradient updates.
    groups : numpy.ndarray of int64, shape (ages,)
        How many groups there are.
    largest_step : numpy.ndarray of float64, shape (ages,)
        The largest distance that had to be linked inside a group; NaN when there was none.
    smallest_gap : numpy.ndarray of float64, shape (ages,)
        The smallest distance between two groups; NaN when there is one group.
    unconverged : numpy.ndarray of int64, shape (ages,)
        How many of the fixed points sought at that age did not converge.
    """

    updates: np.ndarray
    groups: np.ndarray
    largest_step: np.ndarray
    smallest_gap: np.ndarray
    unconverged: np.ndarray

    column_types: ClassVar[dict[str, str]] = {
        "updates": "int64",
        "groups": "int64",
        "largest_step": "float64",
        "smallest_gap": "float64",
        "unconverged": "int64",
    }
