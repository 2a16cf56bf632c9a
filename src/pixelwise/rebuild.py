"""The built-in model, made again from a seed: ``python -m pixelwise.rebuild OUT``.

Made-up nevi are drawn, the only loop learns from them, and what comes out is brought into the form
in which it ships. No picture of anybody takes part. On one machine the same bits come out each
time: one thread adds up in one order, however many cores there are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pixelwise.evaluation import evaluate
from pixelwise.files import write_text
from pixelwise.madeup.nevi import write_nevi
from pixelwise.progress import Progress
from pixelwise.recipe import describe
from pixelwise.run import Run, load_weights, save_weights
from pixelwise.training import train
from pixelwise.types import PixelwiseError

# A seed of its own: nobody who draws nevi with a number of their choice should meet these again.
SEED = 20_261_125
COUNT = 4000
SIDE_PX = 224
RECIPE: dict[str, Any] = {
    "start": "none",
    "size": 128,
    "steps": 3000,
    "batch": 8,
    "learning_rate": 2e-3,
    "augment": 1.0,
    "patience": 0,
}


def rebuild(
    out: str | Path,
    *,
    count: int = COUNT,
    recipe: dict[str, Any] = RECIPE,
    on_note: Callable[[str], None] = print,
) -> Path:
    """Draw, learn, measure, pack. Called again after an interruption, go on where it was.

    Args:
        out: gets ``nevi/`` (what was drawn), ``run/`` (a run like any other, with its report) and
            ``model/`` (what ships as ``pixelwise/builtin/nevi``).
        count: how many nevi to draw.
        recipe: arguments of `pixelwise.train`.
        on_note: gets what happens, a sentence each.

    Returns:
        ``out/model``.
    """
    torch.set_num_threads(1)
    out = Path(out)
    if not (out / "nevi").exists():
        with Progress("drawing", count) as bar:
            write_nevi(
                out / "nevi",
                count,
                SEED,
                long_side_px=SIDE_PX,
                workers=os.cpu_count() or 1,
                progress=bar.at,
            )
    run = train(out / "nevi", out=out / "run", on_note=on_note, **recipe)
    measured = evaluate(run.path)
    on_note(measured.sentence)
    return pack(run, out / "model", f"{count} made-up nevi, seed {SEED}", measured.sentence)


def pack(run: Run, folder: Path, data: str, sentence: str) -> Path:
    """Write a finished run as it ships: half precision, no list of pictures, a card.

    Half precision halves the file; what that costs is under a thousandth of a Jaccard index.

    Args:
        run: to pack. folder: to write to.
        data: in words, what it learned from. sentence: how good it was on what it held out.
    """
    recipe = replace(run.recipe, data=data)
    packed = replace(run, path=folder, recipe=recipe, split={})
    packed.write()
    weights, _ = load_weights(run.weights)
    save_weights(
        packed.weights,
        {name: w.half() if w.is_floating_point() else w for name, w in weights.items()},
    )
    write_text(folder / "card.md", _card(packed, sentence))
    return folder


def _card(run: Run, sentence: str) -> str:
    lines = [
        "# The built-in model for nevi",
        "",
        "It outlines a nevus, or another pigmented lesion, in a dermoscopy image. It serves where",
        "no run is named. It says where the lesion is, not what it is: **it is no diagnosis**",
        "and no medical device.",
        "",
        "## What it learned from",
        "",
        f"{run.recipe.data}, drawn by this package: no picture of anybody took part in learning.",
        "`python -m pixelwise.rebuild OUT` draws them and learns from them again.",
        "",
        *[f"- {line}" for line in describe(run.recipe)],
        "",
        "## Measured on made-up nevi",
        "",
        sentence,
        "",
        "## Measured on real pictures",
        "",
        "These weights have not been measured on real pictures. `pixelwise evaluate DATA` does.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where to: python -m pixelwise.rebuild OUT")
    try:
        print(f"The built-in model is in {rebuild(sys.argv[1])}.")
    except PixelwiseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
