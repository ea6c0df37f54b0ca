"""The page at ``/``, and the files that it consists of."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from carving.service._problems import Refusal, problems
from carving.service.page import POLICY, asset

router = APIRouter(tags=["page"])

_HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/", summary="The page", response_class=Response, responses=_HTML, include_in_schema=False)
def page() -> Response:
    """The live page over the workspace."""
    content, media_type = asset("index.html")
    return Response(content, media_type=media_type, headers={"Content-Security-Policy": POLICY})


@router.get(
    "/page/{name}",
    summary="A file of the page",
    response_class=Response,
    responses=problems(404),
    include_in_schema=False,
)
def file_of_page(name: Annotated[str, Path(max_length=100)]) -> Response:
    """Scripts and styles, by their names."""
    try:
        content, media_type = asset(name)
    except KeyError:
        raise Refusal(404, f"{name!r}: is no file of the page") from None
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"},
    )
