"""`convert`, `madeup` and `demo`: folders of pictures that are written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli._app import Data, Masks, app, console, seconds
from pixelwise.types import PixelwiseError


@app.command()
def convert(
    data: Data,
    out: Annotated[Path, typer.Argument(help="Folder to write to; new, or empty.")],
    to: Annotated[str, typer.Option(help="coco, coco_panoptic, ids, yolo or yolo_pose.")],
    masks: Masks = "auto",
) -> None:
    """Write a folder in a form that another tool reads, and say what that form cannot hold."""
    from pixelwise import conversion

    done = conversion.convert(data, out, to, masks=masks)
    for note in done.notes:
        console.print(note)
    console.print(f"{done.num_pictures} pictures are in {done.out}, as {to}.")


@app.command()
def madeup(
    out: Annotated[Path, typer.Argument(help="Folder to write to.")],
    count: Annotated[int, typer.Option(help="How many pictures.")] = 240,
    what: Annotated[
        str,
        typer.Option(
            help="nevi (lesions on skin, as in PH2) or people (scenes with joints, as in COCO)."
        ),
    ] = "nevi",
    seed: Annotated[int, typer.Option(help="The same seed draws the same pictures.")] = 0,
    size: Annotated[
        int | None, typer.Option(help="Long side in pixels [nevi: about 768; people: 256].")
    ] = None,
    variety: Annotated[
        float, typer.Option(help="From 0, plain and easy, to 1, everything there is.")
    ] = 1.0,
) -> None:
    """Write made-up pictures with exact masks: nevi as in PH2, or people as in COCO."""
    from pixelwise.madeup.nevi import write_nevi
    from pixelwise.madeup.people import write_people
    from pixelwise.progress import Progress

    writers = {"nevi": write_nevi, "people": write_people}
    if what not in writers:
        raise PixelwiseError(f"--what is {' or '.join(writers)}, not '{what}'.")
    with Progress("drawing", count) as bar:
        writers[what](
            out,
            count,
            seed,
            long_side_px=size,
            variety=variety,
            workers=os.cpu_count() or 1,
            progress=bar.at,
        )
    console.print(f"{count} made-up {what} are in {out}.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for data, run and report.")] = Path("demo"),
    task: Annotated[
        str, typer.Option(help="semantic (nevi), instance, panoptic or pose (people).")
    ] = "semantic",
    budget: Annotated[str, typer.Option(help="Time to learn in.")] = "3m",
) -> None:
    """Made-up nevi or people, from drawing them to the report: a few minutes on two cores."""
    from pixelwise import demonstration

    demonstration.demo(out, task=task, budget_s=seconds(budget), on_note=console.print)
