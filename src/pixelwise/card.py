"""The card of a run: what it is, for people, in one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from pixelwise.files import write_text
from pixelwise.run import Run
from pixelwise.run_paths import portable
from pixelwise.trained import describe, warning, weights_of
from pixelwise.words import visible

_EXPORTS = "\n## Exports\n"


def write_card(run: Run) -> None:
    """Write ``card.md``; what it says about exports stays."""
    path = run.path / "card.md"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    counts = {part: len(run.ids(part)) for part in ("train", "val", "test")}
    names = ", ".join(_plain(each.name) for each in run.categories)
    scores = [line["val_score"] for line in run.history]
    measure = {"semantic": "Jaccard", "pose": "pose quality"}.get(run.recipe.task)
    best = (
        [f"- best validation {measure or 'panoptic quality'}: {max(scores):.4f}"] if scores else []
    )
    text = [
        f"# {_plain(run.path.name)}",
        "",
        f"Learned by pixelwise to tell apart: {names}.",
        "",
        *([f"**{said}**", ""] if (said := warning(run)) else []),
        f"- data: {_plain(Path(run.recipe.data).name)}, at "
        f"{_plain(portable(run.recipe, run.path).data)} from here when it was trained "
        f"(fingerprint {run.fingerprint})",
        f"- pictures: {', '.join(f'{count} {part}' for part, count in counts.items())}",
        *[f"- {_plain(line)}" for line in describe(run)],
        *([f"- weights: of {kept}"] if (kept := weights_of(run)) else []),
        *best,
        "",
        "The validation score chose the weights and is not a measure of accuracy; "
        "`pixelwise evaluate` gives one, on pictures that took no part. "
        "A model of skin lesions is no diagnosis.",
        "",
    ]
    exports = before[before.find(_EXPORTS) :] if _EXPORTS in before else ""
    write_text(path, "\n".join(text) + exports)


def _plain(name: str) -> str:
    """A name from a file or folder, as text: no code of a terminal, and no HTML."""
    return escape(visible(name), quote=False)


def name_exports(run: Run, lines: Iterable[str]) -> None:
    """Say in the card, where a run has one, which exported files there are, a line each."""
    path = run.path / "card.md"
    if path.exists():
        text = path.read_text(encoding="utf-8").split(_EXPORTS)[0]
        items = "".join(f"- {line}\n" for line in lines)
        write_text(path, f"{text}{_EXPORTS}\n{items}")
