"""The whole road on made-up data: draw, check, train, evaluate, predict."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise import doctor
from pixelwise.datasets import open_dataset
from pixelwise.evaluation import evaluate
from pixelwise.files import refuse_unwritable
from pixelwise.madeup.nevi import write_nevi
from pixelwise.madeup.people import write_people
from pixelwise.predictions import predict
from pixelwise.progress import Progress
from pixelwise.training import train
from pixelwise.types import PixelwiseError

# One careful clinic, as PH2 is; plain clothes.
_VARIETY = 0.1


@dataclass(frozen=True)
class Show:
    """What a demonstration draws, how many of them, and what learning begins with."""

    what: str
    write: Callable[..., Any]
    count: int
    long_side_px: int
    start: str = "nevi"


SHOWS = {
    # Where a built-in model has learned from such pictures already, it would flatter the numbers.
    "semantic": Show("nevi", write_nevi, 240, 320, start="none"),
    "instance": Show("people", write_people, 800, 256),
    "panoptic": Show("people", write_people, 800, 256),
    "pose": Show("people", write_people, 2000, 256, start="none"),
}


def demo(out: Path, *, task: str, budget_s: float, on_note: Callable[[str], None]) -> None:
    """Draw pictures, learn from them, and measure on those held out.

    Args:
        out: folder for data, run, report and predictions. What is there already is used again.
        task: one of `SHOWS`.
        budget_s: seconds to learn in.
        on_note: gets what happens, a sentence each.

    Raises:
        PixelwiseError: no such task.
    """
    if task not in SHOWS:
        raise PixelwiseError(f"There is no demo of '{task}'. There are: {', '.join(SHOWS)}.")
    refuse_unwritable(out)
    show = SHOWS[task]
    data = out / f"{show.what}-{show.count}"
    if not data.exists():
        with Progress("drawing", show.count) as bar:
            show.write(
                data,
                show.count,
                0,
                long_side_px=show.long_side_px,
                variety=_VARIETY,
                workers=os.cpu_count() or 1,
                progress=bar.at,
            )
    on_note(f"{show.count} made-up {show.what}: {data}")
    report = doctor.check(data, out=out / "check")
    on_note(
        f"Checked, {'fit to learn from' if report.ok else 'not fit to learn from'}: {out / 'check'}"
    )
    folder = out / f"run-{task}"
    run = train(data, out=folder, task=task, start=show.start, budget_s=budget_s, on_note=on_note)
    measured = evaluate(run.path)
    on_note(measured.sentence)
    held_out = run.ids("test")[:6]
    dataset = open_dataset(data)
    samples = [dataset[index] for index in range(len(dataset))]
    pictures = [sample.files[0] for sample in samples if sample.id in held_out]
    done = predict(run.path, pictures, out=out / f"predictions-{task}")
    on_note(f"Report:   {measured.report}")
    on_note(f"Overlays: {done.out}")
