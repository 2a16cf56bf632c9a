"""`evaluate`, `compare` and `benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli._app import Device, Flips, Runtime, Tile, app, console
from pixelwise.types import PixelwiseError


@app.command()
def evaluate(
    run: Annotated[
        Path, typer.Argument(metavar="[RUN]", help="Folder of a run [the built-in model].")
    ],
    data: Annotated[
        Path | None, typer.Argument(help="Folder of images and masks [the run's own].")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Part of the run's own data: test, val or train [test].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.")] = None,
    masks: Annotated[
        str | None, typer.Option(help="What mask values mean in DATA [as in the run].")
    ] = None,
    pixel_mm: Annotated[
        float | None, typer.Option(help="Side of a pixel in millimetres, where it is known.")
    ] = None,
    flips: Flips = True,
    tile: Tile = None,
    device: Device = "auto",
    runtime: Runtime = "torch",
) -> None:
    """Measure a run: report.html, metrics.json, per_image.csv."""
    from pixelwise import builtin, evaluation
    from pixelwise.places import did_you_mean

    named: Path | None = run
    if data is None and not builtin.is_run(run):
        if not run.exists():
            raise PixelwiseError(
                f"{run} does not exist. Give the folder of a run or, for the built-in model, of "
                f"images and masks.{did_you_mean(run)}"
            )
        named, data = None, run
        console.print(builtin.sentence(evaluation.built_in_for(run, masks)))
    result = evaluation.evaluate(
        named,
        data,
        split=split,
        out=out,
        masks=masks,
        pixel_mm=pixel_mm,
        flips=flips,
        tile_px=tile,
        device=device,
        runtime=runtime,
    )
    console.print(result.sentence)
    for note in result.notes:
        console.print(note)
    console.print(f"Report: {result.report}")
    if result.skipped:
        raise typer.Exit(1)


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of an evaluated run.")],
    run_b: Annotated[Path, typer.Argument(help="Another, evaluated on the same pictures.")],
    training_images: Annotated[
        bool,
        typer.Option(
            "--training-images", help="Compare although a run was measured on what it learned from."
        ),
    ] = False,
) -> None:
    """Say whether the difference between two evaluations is real."""
    from pixelwise import comparison

    result = comparison.compare(run_a, run_b, training_images=training_images)
    console.print(comparison.render(result))


@app.command()
def benchmark(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run [the built-in model].")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Sides in pixels, such as 128,256 [the run's working size].")
    ] = None,
    batches: Annotated[str | None, typer.Option(help="Pictures at a time [1,8].")] = None,
    runtimes: Annotated[
        str | None,
        typer.Option(help="Such as torch,onnx,openvino [every one that is installed]."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to [RUN/benchmark].")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Pictures that int8 is calibrated on [the run's own].")
    ] = None,
) -> None:
    """Measure how fast a run is: by runtime, precision, size and batch, with the memory."""
    from pixelwise import benchmarking
    from pixelwise.report import speed

    done = benchmarking.benchmark(
        run,
        sizes=None if sizes is None else _numbers("sizes", sizes),
        batches=None if batches is None else _numbers("batches", batches),
        runtimes=None if runtimes is None else [name.strip() for name in runtimes.split(",")],
        out=out,
        data=data,
    )
    console.print(speed.render(done))
    console.print(f"{done.out / 'benchmark.csv'} has the table, benchmark.png beside it the plot.")


def _numbers(option: str, text: str) -> list[int]:
    """'128,256'."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise PixelwiseError(f"--{option} are whole numbers such as 1,8, not '{text}'.") from None
