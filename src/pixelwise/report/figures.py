"""The report's figures, as SVG text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pixelwise.statistics import Interval, Reliability

Floats = NDArray[np.float64]

INK, FAINT, BLUE, AMBER = "#22303c", "#c9d1d8", "#1f6f9f", "#d98a00"
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "font.family": "DejaVu Sans",
    # Names come from files: a dollar sign in one is no formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    # The same evaluation gives the same file.
    "svg.hashsalt": "pixelwise",
}


@rc_context(STYLE)
def distribution(values: Floats, mean: Interval, name: str) -> str:
    """How the pictures' scores are spread: a histogram, every picture as a tick, the mean.

    Args:
        values: (pictures,) in [0, 1]. mean: of them, with its interval. name: of the measure.
    """
    figure, axes = _blank()
    axes.hist(values, bins=20, range=(0, 1), color=BLUE, alpha=0.75, rwidth=0.92)
    axes.plot(values, np.zeros_like(values), "|", color=INK, markersize=9, alpha=0.5, clip_on=False)
    axes.axvline(mean.value, color=AMBER, linewidth=2, label="mean and its interval")
    if mean.low is not None and mean.high is not None:
        axes.axvspan(mean.low, mean.high, color=AMBER, alpha=0.2, linewidth=0)
    axes.set(xlim=(0, 1), xlabel=f"{name} of a picture", ylabel="pictures")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left")
    return _svg(figure)


@rc_context(STYLE)
def calibration(curve: Reliability) -> str:
    """How often the model is right, against how sure it was; dots as large as their share."""
    figure, axes = _blank()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.5, linestyle="--", label="ideal")
    there = ~np.isnan(curve.confidence)
    x, y, share = curve.confidence[there], curve.accuracy[there], curve.share[there]
    axes.plot(x, y, color=BLUE, linewidth=1.5)
    axes.scatter(x, y, s=20 + 300 * share, color=BLUE, alpha=0.8, zorder=3)
    lowest = min(0.5, *x, *y) if there.any() else 0.0
    axes.set(xlim=(lowest - 0.03, 1.03), ylim=(lowest - 0.03, 1.03))
    axes.set(xlabel="how sure the model was of a pixel", ylabel="how often it was right")
    axes.legend(loc="upper left")
    return _svg(figure)


@rc_context(STYLE)
def counts(truth: Floats, found: Floats, units: str) -> str:
    """How many ``units`` ("segments") were found against how many there are: (pictures,) each."""
    figure, axes = _blank()
    most = max(1.0, *truth, *found) * 1.05
    axes.plot([0, most], [0, most], color=FAINT, linewidth=1.5, linestyle="--", label="right")
    axes.scatter(truth, found, s=22, color=BLUE, alpha=0.6, linewidths=0, zorder=3)
    axes.set(xlim=(0, most), ylim=(0, most))
    axes.set(xlabel=f"{units} there are", ylabel=f"{units} found")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left")
    return _svg(figure)


@rc_context(STYLE)
def precision_recall(curves: Mapping[str, Floats]) -> str:
    """Precision (101,) at recall 0 to 1, a line for each name."""
    figure, axes = _blank()
    recall = np.linspace(0, 1, 101)
    for (name, curve), dashes in zip(curves.items(), ("-", "--", ":"), strict=True):
        axes.plot(recall, curve, color=BLUE, linewidth=1.8, linestyle=dashes, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
    axes.legend(loc="lower left")
    return _svg(figure)


@rc_context(STYLE)
def learning(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> str | None:
    """Loss and validation score against the step, a line per fold; None where nothing is known."""
    lines = {name: lines for name, lines in histories.items() if lines}
    if not lines:
        return None
    figure, left = _blank()
    right = left.twinx()
    right.spines["right"].set_visible(True)
    for history in lines.values():
        _curve(left, history, "loss", AMBER)
        _curve(right, history, "val_score", BLUE)
    left.set_xlabel("step")
    left.set_ylabel("loss", color=AMBER)
    right.set_ylabel("validation score", color=BLUE)
    right.set_ylim(0, 1)
    left.set_ylim(bottom=0)
    return _svg(figure)


def _curve(axes: Axes, history: Sequence[Mapping[str, Any]], key: str, color: str) -> None:
    points = [(line["step"], line[key]) for line in history if line.get(key) is not None]
    if points:
        steps, values = zip(*points, strict=True)
        mark = "o" if len(points) == 1 else None
        axes.plot(steps, values, color=color, linewidth=1.6, marker=mark)


def _blank() -> tuple[Figure, Axes]:
    # The object interface, not pyplot: nothing stays behind, and no display is asked for.
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()
