"""What the commands share: the program, its voice, options that several have, and their forms."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

# OpenMP's threads spin while they wait; beside other busy processes that made two-thread
# PyTorch many times slower. A short spin costs nothing measurable and ends that. It is read when
# torch is first imported, so it is set here.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import typer

from pixelwise import __version__
from pixelwise.cli._stopping import Commands
from pixelwise.terminal import Terminal
from pixelwise.types import PixelwiseError

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Teach a network to outline things in pictures, and prove how well it learned.",
)
console = Terminal()

Data = Annotated[Path, typer.Argument(help="Folder of images and masks or outlines.")]
Masks = Annotated[
    str,
    typer.Option(
        help="What mask values mean, where the files leave a doubt: auto, binary or binary=NAME "
        "(everything but 0 is one class), soft or soft=NAME (at least half is), index, colour, "
        "ids or ids=NAME (each value is one object)."
    ),
]
WhiteLevel = Annotated[
    float | None,
    typer.Option(
        help="Number that is white in images of more than 8 bits, such as 4095 of a 12-bit camera "
        "[what fits all of them]."
    ),
]
Flips = Annotated[
    bool,
    typer.Option("--flips/--no-flips", help="Look at mirror images too: better, and slower."),
]
Tile = Annotated[
    int | None,
    typer.Option(help="Cut larger pictures into tiles with this long a side, in pixels."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]

Runtime = Annotated[
    str,
    typer.Option(help="What computes: torch, onnx, openvino, or auto, the fastest of them here."),
]


def seconds(text: str) -> float:
    """'90s', '10m', '1.5h', or seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not match or float(match[1]) == 0:
        raise PixelwiseError(f"A budget is a time such as 90s, 10m or 1.5h, not '{text}'.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def _show_version(is_asked: bool) -> None:
    if is_asked:
        console.print(f"pixelwise {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the program itself."""
