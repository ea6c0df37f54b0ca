"""Trees: what they hold, as tables, as files of every format, and as the page shows them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from typing import IO, TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from carving.errors import CarvingError
from carving.export import NODE_LABELS, ExportOptions, Format, formats, leaf_table, node_table
from carving.service._problems import problems
from carving.service._service import Accept, PageOf, ServiceOf, TreeName
from carving.service._tables import openapi_table, table
from carving.tree.topology import BRANCH_LENGTHS

if TYPE_CHECKING:
    from carving.service.workspace import Workspace
    from carving.tree import Tree

router = APIRouter(prefix="/api/v1/trees", tags=["trees"])

_BLOCK = 2**18


def _one_of(choices: Iterable[str]) -> str:
    return f"^({'|'.join(choices)})$"


class TreeFacts(BaseModel):
    """A family tree of samples."""

    name: str
    samples: int
    nodes: int
    ages: int
    oldest_age: int
    youngest_age: int
    states: int = Field(description="Groups at the oldest age.")
    labels: list[str] = Field(description="Names of its label columns.")
    unconverged: int = Field(description="Fixed points that did not converge, at all ages together.")
    store: str | None = Field(description="The checkpoint store that it was built from, if it is here.")


class Trees(BaseModel):
    """The trees of the workspace, and those that cannot be read."""

    trees: list[TreeFacts]
    unreadable: dict[str, str] = Field(description="By name: why.")


class TreeSummary(TreeFacts):
    """A tree, and how it was made."""

    options: dict[str, Any] = Field(description="Settings that it was built with.")
    provenance: dict[str, Any] = Field(description="What it was built from.")
    summary: dict[str, Any] = Field(description="Counts, by age.")


class FormatFacts(BaseModel):
    """A format in which trees can be had."""

    name: str
    description: str
    file: str = Field(description="What the file is called; a format of several files comes as a .zip.")


class Formats(BaseModel):
    """All formats."""

    formats: list[FormatFacts]


def _facts(workspace: Workspace, name: str, tree: Tree) -> dict[str, Any]:
    try:
        store = workspace.store_of_tree(name)
    except CarvingError:
        store = None
    return {
        "name": name,
        "samples": int(tree.nodes.size[tree.root]),
        "nodes": len(tree.nodes),
        "ages": len(tree.ages),
        "oldest_age": int(tree.ages.updates[0]),
        "youngest_age": int(tree.ages.updates[-1]),
        "states": int(tree.ages.groups[0]),
        "labels": list(tree.labels),
        "unconverged": int(tree.ages.unconverged.sum()),
        "store": store,
    }


def _shown_provenance(tree: Tree) -> dict[str, Any]:
    # the path of the store on the machine of the service is nobody's business
    return {name: value for name, value in tree.provenance.items() if name != "checkpoints"}


@router.get("", summary="All trees")
def list_trees(service: ServiceOf) -> Trees:
    """Every tree of the workspace."""
    trees, unreadable = [], {}
    for name in service.workspace.contents().trees:
        try:
            trees.append(TreeFacts(**_facts(service.workspace, name, service.workspace.tree(name))))
        except CarvingError as error:
            unreadable[name] = str(error)
    return Trees(trees=trees, unreadable=unreadable)


@router.get("/{tree}", summary="One tree", responses=problems(404, 409))
def describe_tree(service: ServiceOf, tree: TreeName) -> TreeSummary:
    """What a tree holds and how it was made."""
    found = service.workspace.tree(tree)
    facts = _facts(service.workspace, tree, found)
    return TreeSummary(
        **facts, options=found.options, provenance=_shown_provenance(found), summary=found.summary()
    )


@router.get(
    "/{tree}/ages",
    summary="Its ages as a table",
    response_class=Response,
    responses={**openapi_table("One row an age, the oldest first."), **problems(404, 406, 409)},
)
def list_ages(service: ServiceOf, tree: TreeName, page: PageOf, accept: Accept = None) -> Response:
    """For each age: groups, points that did not converge, and the margins of the grouping."""
    ages = service.workspace.tree(tree).ages
    return table({name: getattr(ages, name) for name in ages.column_types}, accept, page)


@router.get(
    "/{tree}/nodes",
    summary="Its nodes as a table",
    response_class=Response,
    responses={**openapi_table("One row a node, children before parents."), **problems(404, 406, 409)},
)
def list_nodes(
    service: ServiceOf,
    tree: TreeName,
    page: PageOf,
    points: Annotated[bool, Query(description="With the fixed points: `visible` and `hidden`.")] = False,
    accept: Accept = None,
) -> Response:
    """The nodes, as the exports to CSV and parquet have them; with their fixed points on request."""
    found = service.workspace.tree(tree)
    columns = {column.name: column.values for column in node_table(found)}
    if points:
        columns |= {"visible": found.nodes.visible, "hidden": found.nodes.hidden}
    return table(columns, accept, page)


@router.get(
    "/{tree}/leaves",
    summary="Its samples as a table",
    response_class=Response,
    responses={
        **openapi_table("One row a sample: its state at the oldest age, labels."),
        **problems(404, 406, 409),
    },
)
def list_leaves(service: ServiceOf, tree: TreeName, page: PageOf, accept: Accept = None) -> Response:
    """The samples, as the exports to CSV and parquet have them."""
    found = service.workspace.tree(tree)
    return table({column.name: column.values for column in leaf_table(found)}, accept, page)


@router.get(
    "/{tree}/partitions/{age}",
    summary="The groups of one age",
    response_class=Response,
    responses={**openapi_table("One row a sample: its name and its node."), **problems(404, 406, 409, 422)},
)
def partition(
    service: ServiceOf,
    tree: TreeName,
    age: Annotated[int, Path(ge=0, le=2**53, description="Gradient updates.", examples=[8000])],
    page: PageOf,
    accept: Accept = None,
) -> Response:
    """Which samples are one group at an age; between two checkpoints, at the older one."""
    found = service.workspace.tree(tree)
    node = found.partition(age)
    columns = {"name": found.leaves.name, "node": node, "node_name": found.nodes.name[node]}
    return table(columns, accept, page)


@router.get(
    "/{tree}/page",
    summary="The tree as the page shows it",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        **problems(404, 409, 422),
    },
)
def page_of_tree(
    service: ServiceOf,
    tree: TreeName,
    image: Annotated[
        str | None,
        Query(
            pattern="^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$",
            description="Rows x columns, where sites are the pixels of an image.",
            examples=["28x28"],
        ),
    ] = None,
) -> Response:
    """Everything that the interactive page asks for; letters are those of the store, if it is here."""
    from carving.report import page_data

    found = service.workspace.tree(tree)
    try:
        alphabet = service.run_of_tree(tree).alphabet
    except CarvingError:
        alphabet = None
    rows, _, columns = (image or "").partition("x")
    shape = (int(rows), int(columns)) if image else None
    data = page_data(found, image_shape=shape, alphabet=alphabet)
    return Response(orjson.dumps(data), media_type="application/json")


@router.get(
    "/{tree}/store",
    summary="The whole tree",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The store `tree.zarr` as a .zip, for `carving.load_tree` to read once unpacked.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **problems(404, 409, 422, 507),
    },
)
def store_of_tree(service: ServiceOf, tree: TreeName) -> StreamingResponse:
    """Everything that is known of a tree, with its trajectories, as `tree.save` writes it."""
    found = service.workspace.tree(tree)
    # written anew: without the path of the checkpoints, and without whatever else lies in that folder
    file = _zipped(
        lambda folder: replace(found, provenance=_shown_provenance(found)).save(folder / "tree.zarr")
    )
    headers = {"Content-Disposition": 'attachment; filename="tree.zarr.zip"'}
    return StreamingResponse(_blocks(file), media_type="application/zip", headers=headers)


@router.get("/{tree}/exports", summary="Formats in which it can be had", responses=problems(404, 409))
def list_exports(service: ServiceOf, tree: TreeName) -> Formats:
    """All formats, and what opens them."""
    service.workspace.tree_path(tree)
    return Formats(
        formats=[
            FormatFacts(name=each.name, description=each.description, file=_file_name(tree, each))
            for each in formats().values()
        ]
    )


@router.get(
    "/{tree}/exports/{format}",
    summary="The tree as a file",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file; several files as a .zip.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        **problems(404, 406, 409, 422, 507),
    },
)
def export(
    service: ServiceOf,
    tree: TreeName,
    format: Annotated[str, Path(pattern=_one_of(formats()), description="The format.", examples=["newick"])],
    branch_length: Annotated[
        str | None, Query(pattern=_one_of(BRANCH_LENGTHS), description="What lengths of branches mean.")
    ] = None,
    keep_unary: Annotated[bool, Query(description="Keep nodes that have one child.")] = False,
    precision: Annotated[int | None, Query(ge=1, le=17, description="Significant digits.")] = None,
    node_labels: Annotated[
        str, Query(pattern=_one_of(NODE_LABELS), description="What Newick says at nodes.")
    ] = NODE_LABELS[0],
    color_by: Annotated[str | None, Query(max_length=400, description="A label column.")] = None,
) -> StreamingResponse:
    """The tree in a format, as `carve export` writes it; large ones are never held in memory."""
    found, kind = service.workspace.tree(tree), formats()[format]
    options = ExportOptions(
        branch_length=branch_length,
        keep_unary=keep_unary,
        precision=precision,
        node_labels=node_labels,
        color_by=color_by,
    )
    file = _written(found, kind, options)
    name = _file_name(tree, kind).encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_blocks(file), media_type="application/octet-stream", headers=headers)


def _file_name(tree: str, format: Format) -> str:
    return f"{tree}{format.suffix}" if format.suffix else f"{tree}-{format.name}.zip"


def _written(tree: Tree, format: Format, options: ExportOptions) -> IO[bytes]:
    """The export as an open file that is gone when it is closed."""
    if not format.suffix:
        return _zipped(lambda folder: format.write_into(tree, folder, options))
    with tempfile.TemporaryDirectory(prefix="carving-") as folder:
        format.write_into(tree, FilePath(folder), options)
        return open(FilePath(folder) / format.target, "rb")


def _zipped(write_into: Callable[[FilePath], None]) -> IO[bytes]:
    """What is written into a folder, as a .zip that is gone when it is closed."""
    import shutil

    with tempfile.TemporaryDirectory(prefix="carving-") as folder:
        inside = FilePath(folder) / "inside"
        inside.mkdir()
        write_into(inside)
        return open(shutil.make_archive(str(FilePath(folder) / "all"), "zip", inside), "rb")


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
