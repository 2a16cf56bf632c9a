"""`check` and `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pixelwise.cli._app import Data, Device, Masks, WhiteLevel, app, console, seconds
from pixelwise.types import PixelwiseError


@app.command()
def check(
    data: Data,
    masks: Masks = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the contact sheet; none is drawn without it.")
    ] = None,
    white_level: WhiteLevel = None,
) -> None:
    """Say what is in a folder, and what is wrong with it."""
    from pixelwise import doctor

    report = doctor.check(data, masks=masks, out=out, white_level=white_level)
    console.print(doctor.render(report))
    if not report.ok:
        raise typer.Exit(2)


@app.command()
def train(
    data: Data,
    out: Annotated[Path | None, typer.Option(help="Folder of the run [runs/NAME OF DATA].")] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time to learn in, such as 90s, 10m, 1.5h [10m].")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Number of steps, instead of a time.")] = None,
    task: Annotated[
        str | None,
        typer.Option(help="semantic, instance, panoptic or pose [what the annotations are for]."),
    ] = None,
    network: Annotated[str | None, typer.Option(help="Network [unet].")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME_OR_FOLDER",
            help="Pretrained backbone, a name on the hub or a folder, as the network's encoder.",
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Channels of the network's first level.")
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Number of the network's poolings.")] = None,
    start: Annotated[
        str | None,
        typer.Option(help="Begin with these weights: nevi, people (built-in), a run, or none."),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Long side the network sees, in pixels.")] = None,
    tile: Annotated[
        int | None,
        typer.Option(help="See pictures through windows with this long a side, in their pixels."),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures per step.")] = None,
    loss: Annotated[
        str | None, typer.Option(help="Losses by name, such as cross_entropy=1,dice=0.5.")
    ] = None,
    class_weights: Annotated[
        bool | None, typer.Option("--class-weights", help="Give rare classes more weight.")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, sgd or muon.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    augment: Annotated[
        float | None,
        typer.Option(help="Strength of the random changes; 0 = none, 1 = strong [0.5]."),
    ] = None,
    orientation: Annotated[
        str | None, typer.Option(help="any (no side of a picture is up) or upright.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Validations clearly below the best, which is none of the first quarter, before "
            "stopping; 0 = never."
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate with so many folds, each with the budget.")
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            help="Cross-validate by leaving out one source, site, patient ... at a time: how the "
            "model does where it never was."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of split, first weights and batches.")] = None,
    masks: Masks = "auto",
    white_level: WhiteLevel = None,
    workers: Annotated[int, typer.Option(help="Threads that prepare batches.")] = 1,
    log: Annotated[list[str] | None, typer.Option(help="tensorboard or mlflow.")] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile", help="Compile the network; pays on a GPU.")
    ] = None,
    framework: Annotated[
        str | None, typer.Option(help="What learns: torch, or tensorflow (semantic) [torch].")
    ] = None,
    device: Device = "auto",
) -> None:
    """Learn from a folder; the same command again goes on after an interruption."""
    from pixelwise import evaluation, training

    wishes = _given(
        budget_s=None if budget is None else seconds(budget),
        steps=steps,
        task=task,
        tile_px=tile,
        network=network,
        backbone=backbone,
        width=width,
        depth=depth,
        start=start,
        batch=batch,
        loss=None if loss is None else _losses(loss),
        class_weights=class_weights,
        optimizer=optimizer,
        learning_rate=learning_rate,
        augment=augment,
        orientation=orientation,
        patience=patience,
        folds=folds,
        leave_out=leave_out,
        seed=seed,
        compile=compiled,
        white_level=white_level,
        framework=framework,
    )
    run = training.train(
        data,
        out=out,
        size=size,
        workers=workers,
        loggers=log or (),
        on_note=console.print,
        masks=masks,
        device=device,
        **wishes,
    )
    if run.recipe.folds:
        console.print(evaluation.evaluate(run.path).sentence)
    console.print(f"The run is in {run.path}. Measure it: pixelwise evaluate {run.path}")


def _losses(text: str) -> dict[str, float]:
    """'cross_entropy=1,dice=0.5' or 'lovasz'."""
    losses = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        try:
            losses[name] = float(weight or 1)
        except ValueError:
            raise PixelwiseError(
                f"A loss is NAME or NAME=WEIGHT, such as cross_entropy=1,dice=0.5, not '{part}'."
            ) from None
    return losses


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}
