"""The built-in models, made again from a seed: ``python -m pixelwise.rebuild OUT [people]``.

Made-up nevi (or people) are drawn, the only loop learns from them, and what comes out is brought
into the form in which it ships. No picture of anybody takes part. On one machine the same bits come
out each time: one thread adds up in one order, however many cores there are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from pixelwise.evaluation import evaluate
from pixelwise.files import write_text
from pixelwise.madeup.nevi import write_nevi
from pixelwise.madeup.people import write_people
from pixelwise.progress import Progress
from pixelwise.run import Run, load_weights, save_weights
from pixelwise.trained import describe
from pixelwise.training import train
from pixelwise.types import PixelwiseError

# Seeds of their own: nobody who draws with a number of their choice should meet these again.
_NEVI_SEED, _PEOPLE_SEED = 20_261_125, 20_261_127


@dataclass(frozen=True)
class Made:
    """How a built-in model is made.

    ``write``: draws. ``count``, ``seed``, ``side_px``: how many pictures, which, and their long
    side. ``recipe``: arguments of `pixelwise.train`. ``about``: first lines of its card.
    """

    write: Callable[..., Any]
    count: int
    seed: int
    side_px: int
    recipe: Mapping[str, Any]
    about: tuple[str, ...]


MADE: Mapping[str, Made] = {
    "nevi": Made(
        write_nevi,
        4000,
        _NEVI_SEED,
        224,
        {
            "start": "none",
            "size": 128,
            "steps": 3000,
            "batch": 8,
            "learning_rate": 2e-3,
            "augment": 1.0,
            "patience": 0,
        },
        (
            "It outlines a nevus, or another pigmented lesion, in a dermoscopy image. It serves",
            "where no run is named. It says where the lesion is, not what it is: **it is no",
            "diagnosis** and no medical device.",
        ),
    ),
    "people": Made(
        write_people,
        4000,
        _PEOPLE_SEED,
        256,
        {
            "task": "pose",
            "start": "none",
            "size": 256,
            "steps": 4000,
            "batch": 8,
            "augment": 0.5,
            "patience": 0,
        },
        (
            "It finds the skeletons of made-up people. It serves where the task is pose and no run",
            "is named, and learning poses begins with it. **It is not expected to work on",
            "photographs**, of which it has seen none: for these there is ViTPose, or a run of",
            "your own that learned from photographs.",
        ),
    ),
}


def rebuild(
    out: str | Path,
    what: str = "nevi",
    *,
    count: int | None = None,
    recipe: Mapping[str, Any] | None = None,
    on_note: Callable[[str], None] = print,
) -> Path:
    """Draw, learn, measure, pack. Called again after an interruption, go on where it was.

    Args:
        out: gets what was drawn (in a folder called ``what``), ``run/`` (a run like any other,
            with its report) and ``model/`` (what ships in ``pixelwise/builtin``).
        what: one of `MADE`.
        count: how many pictures to draw, where not as many as `MADE` says.
        recipe: arguments of `pixelwise.train`, where not those of `MADE`.
        on_note: gets what happens, a sentence each.

    Returns:
        ``out/model``.

    Raises:
        PixelwiseError: there is no such model.
    """
    if what not in MADE:
        raise PixelwiseError(f"No built-in model is called '{what}'. There are: {', '.join(MADE)}.")
    torch.set_num_threads(1)
    made, out = MADE[what], Path(out)
    count = count or made.count
    if not (out / what).exists():
        with Progress("drawing", count) as bar:
            made.write(
                out / what,
                count,
                made.seed,
                long_side_px=made.side_px,
                workers=os.cpu_count() or 1,
                progress=bar.at,
            )
    run = train(
        out / what, out=out / "run", on_note=on_note, **(made.recipe if recipe is None else recipe)
    )
    measured = evaluate(run.path)
    on_note(measured.sentence)
    data = f"{count} made-up {what}, seed {made.seed}"
    return pack(run, out / "model", data, _card(what, data, run, measured.sentence))


def pack(run: Run, folder: Path, data: str, card: str) -> Path:
    """Write a finished run as it ships: half precision, no list of pictures, a card.

    Half precision halves the file; what that costs is under a thousandth of a Jaccard index.

    Args:
        run: to pack. folder: to write to.
        data: in words, what it learned from. card: its text.
    """
    packed = replace(run, path=folder, recipe=replace(run.recipe, data=data), split={})
    packed.write()
    run.status.write(folder)
    weights, facts = load_weights(run.weights)
    save_weights(
        packed.weights,
        {name: w.half() if w.is_floating_point() else w for name, w in weights.items()},
        **facts,
    )
    write_text(folder / "card.md", card)
    return folder


def _card(what: str, data: str, run: Run, sentence: str) -> str:
    lines = [
        f"# The built-in model for {what}",
        "",
        *MADE[what].about,
        "",
        "## What it learned from",
        "",
        f"{data}, drawn by this package: no picture of anybody took part in learning.",
        f"`python -m pixelwise.rebuild OUT {what}` draws them and learns from them again.",
        "",
        *[f"- {line}" for line in describe(run)],
        "",
        f"## Measured on made-up {what}",
        "",
        sentence,
        "",
        "## Measured on real pictures",
        "",
        "These weights have not been measured on real pictures. `pixelwise evaluate DATA` does.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(f"Say where to, and what: python -m pixelwise.rebuild OUT [{' | '.join(MADE)}]")
    try:
        print(f"The built-in model is in {rebuild(*sys.argv[1:])}.")
    except PixelwiseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
