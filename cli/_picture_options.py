"""Options of commands that draw: the title, images of samples, and the samples themselves."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving_cli._options import FILE, Function, unknown_letters_option

if TYPE_CHECKING:
    from carving.data import Samples


class ImageType(click.ParamType):
    """``ROWSxCOLUMNS``."""

    name = "ROWSxCOLUMNS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read the two numbers."""
        found = re.fullmatch(r"([1-9][0-9]{0,5})[xX×]([1-9][0-9]{0,5})", str(value))
        if found is None:
            self.fail(f"{value!r} is not ROWSxCOLUMNS; write for example 28x28", param, ctx)
        return int(found[1]), int(found[2])


def title_option(of: str) -> Callable[[Function], Function]:
    """``--title``."""
    return click.option("--title", default=None, metavar="TEXT", help=f"Above the {of}.")


image_option = click.option(
    "--image", "image_shape", type=ImageType(), default=None,
    help="Rows and columns of the images that the samples are.",
)  # fmt: skip


def drawn_samples_options(function: Function) -> Function:
    """``--samples --unknown-letters``, for a picture of the data; the command is given ``samples_path``."""
    samples = click.option(
        "--samples", "samples_path", type=FILE, default=None, metavar="FILE",
        help=".npy .npz .zarr .h5, numbers as text, or FASTA.  [default: none]",
    )  # fmt: skip
    return samples(unknown_letters_option(function))


def read_drawn_samples(path: Path, alphabet: str | None, unknown_letters: str) -> "Samples":
    """The samples, letters by the alphabet of the sites, which are residues unless it says otherwise."""
    from carving.data import PROTEIN_ALPHABET, read_samples

    return read_samples(path, unknown_letters=unknown_letters, alphabet=alphabet or PROTEIN_ALPHABET)
