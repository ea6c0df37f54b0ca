"""The page at ``/``, and the files that it consists of."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from carving.service._problems import Refusal
from carving.service.page import POLICY, asset

# whoever asks for them is a browser, not a program
router = APIRouter(tags=["page"], include_in_schema=False)


@router.get("/", response_class=Response)
def page() -> Response:
    """The live page over the workspace."""
    return _answer("index.html")


@router.get("/page/{name}", response_class=Response)
def file_of_page(name: Annotated[str, Path(max_length=100)]) -> Response:
    """Scripts and styles, by their names."""
    return _answer(name)


def _answer(name: str) -> Response:
    try:
        content, media_type = asset(name)
    except KeyError:
        raise Refusal(404, f"{name[:100]!r}: is no file of the page") from None
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(content, media_type=media_type, headers=headers)
