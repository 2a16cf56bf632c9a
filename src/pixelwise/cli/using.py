"""`predict` and `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli._app import Device, Flips, Runtime, Tile, WhiteLevel, app, console
from pixelwise.terminal import Terminal


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[RUN] PICTURES...",
            help="Folder of a run, or the name of a built-in model (nevi, people) [nevi]; images, "
            "videos, or folders of them.",
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            help="Without a run: semantic (the built-in nevi model), or pose, which needs --model."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME_OR_FOLDER",
            help="A ViTPose model in place of a run, a name on the hub or a folder.",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME_OR_FOLDER",
            help="What finds the people for it, likewise; none: each picture is of one person "
            "[RT-DETR].",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("predictions"),
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Also replace files in --out that no prediction wrote as they are."
        ),
    ] = False,
    probs: Annotated[bool, typer.Option("--probs", help="Also write probabilities.")] = False,
    flips: Flips = True,
    tile: Tile = None,
    white_level: WhiteLevel = None,
    device: Device = "auto",
    runtime: Runtime = "auto",
) -> None:
    """Outline pictures and videos: masks, instances or poses, overlays, tables; a bad one is named
    and skipped."""
    from pixelwise import builtin, predictions
    from pixelwise.inputs import refuse_missing
    from pixelwise.places import refuse_runs

    run, pictures = (paths[0], paths[1:]) if builtin.is_run(paths[0]) else (None, paths)
    # Before the built-in model is said to be used.
    refuse_runs(pictures, run, "predict", "IMAGES...")
    refuse_missing(pictures, may_be_run=run is None)
    if run is None and not (model or detector):
        console.print(builtin.sentence(builtin.serving(task)))
    done = predictions.predict(
        run,
        pictures,
        task=task,
        model=model,
        detector=detector,
        out=out,
        probs=probs,
        flips=flips,
        tile_px=tile,
        white_level=white_level,
        device=device,
        runtime=runtime,
        overwrite=overwrite,
    )
    for note in done.notes:
        console.print(note)
    for failure in done.failures:
        Terminal(stderr=True, soft_wrap=True).print(f"Skipped: {failure}")
    console.print(done.sentence)
    if done.failures:
        raise typer.Exit(1)


@app.command()
def export(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run [the built-in model].")
    ] = None,
    to: Annotated[
        str, typer.Option(help="onnx, openvino, litert, savedmodel, keras or pt2.")
    ] = "onnx",
    precision: Annotated[
        str | None, typer.Option(help="float32, float16 or int8, where the format has it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write [RUN/exports/model...].")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Annotated pictures to prove it on, and for int8 [the run's own]."),
    ] = None,
    masks: Annotated[
        str | None, typer.Option(help="What mask values mean in --data [as in the run].")
    ] = None,
) -> None:
    """Write a run for another runtime, proven to do what the model does, or not at all."""
    from pixelwise import builtin, exporting

    if run is None:
        console.print(builtin.sentence(builtin.NEVI))
    path = exporting.export(
        run, to, precision=precision, out=out, data=data, masks=masks, on_note=console.print
    )
    console.print(f"The exported model is {path}.")
