"""The whole road on made-up data: draw, check, train, evaluate, predict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pixelwise import doctor
from pixelwise.datasets import open_dataset
from pixelwise.evaluation import evaluate
from pixelwise.madeup.nevi import write_nevi
from pixelwise.predictions import predict
from pixelwise.progress import Progress
from pixelwise.training import train

_COUNT = 240
# One careful clinic, as PH2 is.
_VARIETY = 0.1


def demo(out: Path, *, budget_s: float, on_note: Callable[[str], None]) -> None:
    """Draw 240 nevi, learn from them, and measure on those held out.

    Args:
        out: folder for data, run, report and predictions. What is there already is used again.
        budget_s: seconds to learn in.
        on_note: gets what happens, a sentence each.
    """
    data = out / "nevi"
    if not data.exists():
        with Progress("drawing", _COUNT) as bar:
            write_nevi(data, _COUNT, 0, long_side_px=320, variety=_VARIETY, progress=bar.at)
    on_note(f"{_COUNT} made-up nevi: {data}")
    report = doctor.check(data, out=out / "check")
    on_note(
        f"Checked, {'fit to learn from' if report.ok else 'not fit to learn from'}: {out / 'check'}"
    )
    # The built-in model has learned from such pictures: beginning with it would show nothing.
    run = train(data, out=out / "run", budget_s=budget_s, start="none", on_note=on_note)
    measured = evaluate(run.path)
    on_note(measured.sentence)
    held_out = run.ids("test")[:6]
    dataset = open_dataset(data)
    samples = [dataset[index] for index in range(len(dataset))]
    pictures = [sample.files[0] for sample in samples if sample.id in held_out]
    done = predict(run.path, pictures, out=out / "predictions")
    on_note(f"Report:   {measured.report}")
    on_note(f"Overlays: {done.out}")
