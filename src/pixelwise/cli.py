"""The commands: thin, no logic. What a command needs is imported when it runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

# OpenMP's threads spin while they wait; beside other busy processes that made two-thread
# PyTorch many times slower. A short spin costs nothing measurable and ends that. It is read when
# torch is first imported, so it is set here.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import typer
from rich.console import Console
from rich.markup import escape

from pixelwise.types import PixelwiseError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Teach a network to outline things in pictures, and prove how well it learned.",
)
console = Console(highlight=False)

Data = Annotated[Path, typer.Argument(help="Folder of images and masks or outlines.")]
Masks = Annotated[
    str,
    typer.Option(
        help="What mask values mean, where the files leave a doubt: auto, binary or binary=NAME "
        "(everything but 0 is one class), soft or soft=NAME (at least half is), index, colour, "
        "ids or ids=NAME (each value is one object)."
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


def main() -> None:
    """Run a command; what is wrong with the input is one sentence and exit code 2."""
    try:
        app()
    except PixelwiseError as error:
        # Escaped: the name of an extra, such as [export], is no markup.
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"[red]Error:[/] {escape(str(error))}", markup=True
        )
        sys.exit(2)
    except KeyboardInterrupt:
        Console(stderr=True).print(
            "Interrupted. The same command goes on from the last saved state."
        )
        sys.exit(130)


def _seconds(text: str) -> float:
    """'90s', '10m', '1.5h', or seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not match or float(match[1]) == 0:
        raise PixelwiseError(f"A budget is a time such as 90s, 10m or 1.5h, not '{text}'.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


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


def _numbers(option: str, text: str) -> list[int]:
    """'128,256'."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise PixelwiseError(f"--{option} are whole numbers such as 1,8, not '{text}'.") from None


def _asked(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


@app.command()
def check(
    data: Data,
    masks: Masks = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the contact sheet; none is drawn without it.")
    ] = None,
) -> None:
    """Say what is in a folder, and what is wrong with it."""
    from pixelwise import doctor

    report = doctor.check(data, masks=masks, out=out)
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
        typer.Option(help="Begin with these weights: nevi (the built-in model), a run, or none."),
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
        typer.Option(help="Validations clearly below the best before stopping; 0 = never."),
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

    asked = _asked(
        budget_s=None if budget is None else _seconds(budget),
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
        **asked,
    )
    if run.recipe.folds:
        console.print(evaluation.evaluate(run.path).sentence)
    console.print(f"The run is in {run.path}. Measure it: pixelwise evaluate {run.path}")


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

    named: Path | None = run
    if data is None and not builtin.is_run(run):
        named, data = None, run
        console.print(builtin.SENTENCE)
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
    console.print(f"Report: {result.report}")
    if result.skipped:
        raise typer.Exit(1)


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of an evaluated run.")],
    run_b: Annotated[Path, typer.Argument(help="Another, evaluated on the same pictures.")],
) -> None:
    """Say whether the difference between two evaluations is real."""
    from pixelwise import comparison

    result = comparison.compare(run_a, run_b)
    console.print(comparison.render(result))


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[RUN] PICTURES...",
            help="Folder of a run [the built-in model]; pictures, videos, or folders of them.",
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help="What --model is for: pose. A run knows its own.")
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
    probs: Annotated[bool, typer.Option("--probs", help="Also write probabilities.")] = False,
    flips: Flips = True,
    tile: Tile = None,
    device: Device = "auto",
    runtime: Runtime = "auto",
) -> None:
    """Outline pictures and videos: masks, instances or poses, overlays, tables; a bad one is named
    and skipped."""
    from pixelwise import builtin, predictions

    run, pictures = (paths[0], paths[1:]) if builtin.is_run(paths[0]) else (None, paths)
    if run is None and not (task or model or detector):
        console.print(builtin.SENTENCE)
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
        device=device,
        runtime=runtime,
    )
    for failure in done.failures:
        Console(stderr=True, soft_wrap=True).print(f"Skipped: {failure}")
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
        console.print(builtin.SENTENCE)
    path = exporting.export(
        run, to, precision=precision, out=out, data=data, masks=masks, on_note=console.print
    )
    console.print(f"The exported model is {path}.")


@app.command()
def benchmark(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run [the built-in model].")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Sides in pixels, such as 128,256 [the run's working size].")
    ] = None,
    batches: Annotated[str, typer.Option(help="Pictures at a time.")] = "1,8",
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
        batches=_numbers("batches", batches),
        runtimes=None if runtimes is None else [name.strip() for name in runtimes.split(",")],
        out=out,
        data=data,
    )
    console.print(speed.render(done))
    console.print(f"{done.out / 'benchmark.csv'} has the table, benchmark.png beside it the plot.")


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
        writers[what](out, count, seed, long_side_px=size, variety=variety, progress=bar.at)
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

    demonstration.demo(out, task=task, budget_s=_seconds(budget), on_note=console.print)
