"""What came out: one table, the numbers behind it, and the learning curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from field import Entry
from match import Played
from pixelwise.files import atomic, write_text
from pixelwise.statistics import mean, paired_difference
from pixelwise.tables import units_among

matplotlib.use("agg")
from matplotlib import pyplot as plt

_FINAL = "1"
_HEAD = (
    "contestant",
    "mean Jaccard",
    "ours ahead by",
    "Dice",
    "s to the lesson's accuracy",
    "s learned",
    "pictures/s learning",
    "pictures/s of the loader, 1 worker",
    "as used (workers)",
    "pictures/s predicting",
    "peak memory, MB",
)


@dataclass(frozen=True)
class Outcome:
    """One contestant on all folds, in their order."""

    entry: Entry
    folds: tuple[Played, ...]

    def values(self, measure: str, share: str = _FINAL) -> NDArray[np.float64]:
        """(pictures,) scores by the fold that did not see it, in the order of the ids."""
        found = {
            name: scores[measure]
            for fold in self.folds
            for name, scores in fold.scores[share].items()
        }
        return np.array([found[name] for name in sorted(found)])

    def curve(self) -> list[tuple[float, float]]:
        """(seconds, mean Jaccard) for the shares of the budget that every fold has."""
        shares = [s for s in self.folds[0].scores if all(s in fold.scores for fold in self.folds)]
        return [
            (self.average("kept_s", share), float(self.values("jaccard", share).mean()))
            for share in shares
        ]

    def seconds_to(self, accuracy: float) -> float | None:
        """When its weights first were as accurate, of the moments at which they were kept."""
        return next((second for second, found in self.curve() if found >= accuracy), None)

    def average(self, *keys: str) -> float:
        """The mean over the folds that have a number in their result; NaN where none has."""
        numbers = []
        for fold in self.folds:
            value = fold.result
            for key in keys:
                value = value.get(key) if value else None
            numbers += [] if value is None else [float(value)]
        return float(np.mean(numbers)) if numbers else float("nan")

    @property
    def peak_mb(self) -> float:
        """The largest of the folds; NaN where unknown."""
        return max(np.nan if fold.peak_mb is None else fold.peak_mb for fold in self.folds)


def lesson_accuracy(outcomes: Sequence[Outcome]) -> float:
    """The better lesson network's final mean Jaccard; infinite where none took part."""
    finals = [o.values("jaccard").mean() for o in outcomes if o.entry.program == "lesson"]
    return float(max(finals, default=np.inf))


def table(outcomes: Sequence[Outcome], groups: Mapping[str, Mapping[str, str]]) -> str:
    """Everyone against the first, as Markdown.

    Args:
        outcomes: ours first.
        groups: picture -> named facts; what is drawn again for an interval follows from them.
    """
    _, units = units_among({name: groups[name] for name in sorted(groups)})
    ours, goal = outcomes[0].values("jaccard"), lesson_accuracy(outcomes)
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    for outcome in outcomes:
        jaccard = outcome.values("jaccard")
        is_ours = outcome is outcomes[0]
        used, workers = outcome.average("loader_pictures_per_s", "used"), outcome.average("workers")
        cells = (
            outcome.entry.name,
            mean(jaccard, units).words(),
            "" if is_ours else paired_difference(ours, jaccard, units).words(),
            f"{outcome.values('dice').mean():.3f}",
            _number(outcome.seconds_to(goal), "never"),
            _number(outcome.average("learned_s")),
            _number(outcome.average("learning_pictures_per_s")),
            _number(outcome.average("loader_pictures_per_s", "one")),
            _number(used) + ("" if np.isnan(used) else f" ({workers:.0f})"),
            _number(outcome.average("predicting_pictures_per_s")),
            _number(outcome.peak_mb),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None, without: str = "") -> str:
    if value is None or np.isnan(value):
        return without
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def versions(outcomes: Sequence[Outcome]) -> str:
    """A line for each environment that took part."""
    lines = {}
    for outcome in outcomes:
        found = outcome.folds[0].result["versions"]
        lines["peers" if outcome.entry.is_peer else "ours"] = ", ".join(
            f"{name} {version}" for name, version in found.items()
        )
    return "\n".join(f"- {who}: {line}" for who, line in lines.items())


def write(outcomes: Sequence[Outcome], text: str, folder: Path) -> None:
    """table.md, results.json (every fold and picture) and curves.png, each whole or not at all."""
    write_text(folder / "table.md", text)
    found = [
        {"entry": asdict(outcome.entry), "folds": [asdict(fold) for fold in outcome.folds]}
        for outcome in outcomes
    ]
    write_text(folder / "results.json", json.dumps(found, indent=1) + "\n")
    draw_curves(outcomes, folder / "curves.png")


def draw_curves(outcomes: Sequence[Outcome], path: Path) -> None:
    """Accuracy against time: a line for who learns, a level for who does not."""
    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    for outcome in outcomes:
        seconds, accuracy = zip(*outcome.curve(), strict=True)
        if outcome.folds[0].result["num_steps"] == 0:
            axes.axhline(accuracy[-1], label=outcome.entry.name, color="grey", linestyle=":")
        else:
            axes.plot(seconds, accuracy, marker="o", label=outcome.entry.name)
    goal = lesson_accuracy(outcomes)
    if np.isfinite(goal):
        axes.axhline(goal, color="black", linewidth=0.8, linestyle="--", label="the lesson's best")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set(xlabel="seconds since the start", ylabel="mean Jaccard on held-out pictures")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    plt.close(figure)
