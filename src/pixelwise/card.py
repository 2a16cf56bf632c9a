"""The card of a run: what it is, for people, in one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from pixelwise.files import write_text
from pixelwise.recipe import describe
from pixelwise.run import Run

_EXPORTS = "\n## Exports\n"


def write_card(run: Run) -> None:
    """Write ``card.md``."""
    counts = {part: len(run.ids(part)) for part in ("train", "val", "test")}
    names = ", ".join(category.name for category in run.categories)
    scores = [line["val_score"] for line in run.history]
    measure = {"semantic": "Jaccard", "pose": "pose quality"}.get(run.recipe.task)
    best = (
        [f"- best validation {measure or 'panoptic quality'}: {max(scores):.4f}"] if scores else []
    )
    text = [
        f"# {run.path.name}",
        "",
        f"Learned by pixelwise to tell apart: {names}.",
        "",
        f"- data: {run.recipe.data} (fingerprint {run.fingerprint})",
        f"- pictures: {', '.join(f'{count} {part}' for part, count in counts.items())}",
        *[f"- {line}" for line in describe(run.recipe)],
        *best,
        "",
        "The validation score chose the weights and is not a measure of accuracy; "
        "`pixelwise evaluate` gives one, on pictures that took no part. "
        "A model of skin lesions is no diagnosis.",
        "",
    ]
    write_text(run.path / "card.md", "\n".join(text))


def name_exports(run: Run, lines: Iterable[str]) -> None:
    """Say in the card, where a run has one, which exported files there are, a line each."""
    path = run.path / "card.md"
    if path.exists():
        text = path.read_text(encoding="utf-8").split(_EXPORTS)[0]
        items = "".join(f"- {line}\n" for line in lines)
        write_text(path, f"{text}{_EXPORTS}\n{items}")
