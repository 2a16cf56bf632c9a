"""A metric's rows as tables with confidence intervals: per measure, per category, per group."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pixelwise.metrics import RATIOS, Row, SemanticMetric
from pixelwise.statistics import Interval, bootstrap, mean
from pixelwise.types import STRATA, TOGETHER

_GROUP_SCORES = ("jaccard", "dice", "sensitivity", "specificity")
# More values than this, or fewer pictures for each, are no table; `per_image.csv` has them.
_MAX_GROUPS = 40
_LEAST_PICTURES = 5


@dataclass(frozen=True)
class Measure:
    """What a measure is called, in full and in a narrow column; its unit; which way is better."""

    label: str
    short: str
    unit: str = ""
    is_higher_better: bool = True

    @property
    def digits(self) -> int:
        """Decimals worth printing."""
        return 1 if self.unit == "px" else 2 if self.unit == "mm" else 3


MEASURES: Mapping[str, Measure] = {
    "jaccard": Measure("Jaccard index (IoU)", "Jaccard"),
    "dice": Measure("Dice coefficient (F1)", "Dice"),
    "sensitivity": Measure("Sensitivity (recall)", "Sensitivity"),
    "specificity": Measure("Specificity", "Specificity"),
    "precision": Measure("Precision", "Precision"),
    "accuracy": Measure("Pixel accuracy", "Accuracy"),
    "threshold_jaccard": Measure("Jaccard, 0 where below 0.65", "Jaccard ≥ 0.65"),
    "boundary_iou": Measure("Boundary IoU", "Boundary IoU"),
    "hd95_px": Measure("95 % Hausdorff distance", "HD95", "px", False),
    "assd_px": Measure("Average surface distance", "ASSD", "px", False),
    "hd95_mm": Measure("95 % Hausdorff distance", "HD95", "mm", False),
    "assd_mm": Measure("Average surface distance", "ASSD", "mm", False),
}


@dataclass(frozen=True)
class Score:
    """One measure over all pictures.

    ``mean``: over pictures. ``quartiles``: of the pictures' scores (25 %, median, 75 %).
    ``pooled``: over pixels; None for a measure that is not a ratio of pixels.
    """

    name: str
    measure: Measure
    mean: Interval
    quartiles: tuple[float, float, float]
    pooled: Interval | None


@dataclass(frozen=True)
class Part:
    """One line of a table by group or category: the mean over its pictures of each measure."""

    value: str
    num_pictures: int
    scores: Mapping[str, Interval]


def units_of(metric: SemanticMetric) -> tuple[str, list[str] | None]:
    """What is independent: "patient" (the first of `TOGETHER` that ties pictures) or "picture".

    Returns:
        its name, and for every picture the unit it belongs to; None where that is the picture. A
        picture that names no patient stands for itself.
    """
    return units_among(_facts(metric))


def units_among(facts: Mapping[str, Mapping[str, str]]) -> tuple[str, list[str] | None]:
    """The same for pictures given as {id: named facts}."""
    for name in TOGETHER:
        known = [groups[name] for groups in facts.values() if name in groups]
        if len(set(known)) < len(known):
            # The prefix keeps a picture's id from meeting a patient's name.
            units = [
                f"group {groups[name]}" if name in groups else f"picture {sample_id}"
                for sample_id, groups in facts.items()
            ]
            return name, units
    return "picture", None


def scores_of(metric: SemanticMetric, *, seed: int = 0) -> tuple[Score, ...]:
    """Every measure, with both averages."""
    values = metric.per_picture()
    _, units = units_of(metric)
    counts = metric.counts()
    scores = []
    for name in metric.names:
        known = values[name][~np.isnan(values[name])]
        low, median, high = np.percentile(known, [25, 50, 75]) if len(known) else [np.nan] * 3
        scores.append(
            Score(
                name,
                MEASURES[name],
                mean(values[name], units, seed=seed),
                (float(low), float(median), float(high)),
                _pooled(name, counts, units, seed) if name in RATIOS else None,
            )
        )
    return tuple(scores)


def categories_of(metric: SemanticMetric, *, seed: int = 0) -> tuple[Part, ...]:
    """Every category over the pictures it is in; empty where there are only two categories."""
    if len(metric.categories) == 2:
        return ()
    _, units = units_of(metric)
    unit_of = dict(zip(_facts(metric), units or _facts(metric), strict=True))
    values, parts = metric.per_row(), []
    for category in metric.categories:
        places = [place for place, row in enumerate(metric.rows) if row.category == category.name]
        tied = [unit_of[metric.rows[place].id] for place in places]
        shown = {name: mean(values[name][places], tied, seed=seed) for name in _category_scores()}
        parts.append(Part(category.name, len(places), shown))
    return tuple(parts)


def groups_of(metric: SemanticMetric, *, seed: int = 0) -> dict[str, tuple[Part, ...]]:
    """{fact: a line for each of its values}; diagnosis first.

    Facts with 2 to 40 values are shown, and, unless they are a diagnosis, only with 5 pictures or
    more for each value on average: a line per patient would say little of each.
    """
    facts = list(_facts(metric).values())
    names = {name for groups in facts for name in groups}
    tables = {}
    for name in sorted(names, key=lambda name: (name not in STRATA, name in TOGETHER, name)):
        held = np.array([groups.get(name, "(not given)") for groups in facts])
        is_full = name in STRATA or len(held) >= _LEAST_PICTURES * len(set(held))
        if is_full and 2 <= len(set(held)) <= _MAX_GROUPS:
            tables[name] = _parts(metric, held, seed)
    return tables


def group_scores(metric: SemanticMetric) -> tuple[str, ...]:
    """The measures that a table by group shows."""
    return (*_GROUP_SCORES, "hd95_px" if metric.pixel_mm is None else "hd95_mm")


def rows_as_csv(metric: SemanticMetric) -> str:
    """One line for each picture and category: counts, every measure, groups as ``group_NAME``.

    Numbers are written so that reading them gives the same bits; what is not defined is empty.
    """
    text = io.StringIO(newline="")
    groups = sorted({name for row in metric.rows for name in row.groups})
    values = metric.per_row()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["id", "category", *metric.names, "tp", "fp", "fn", "tn", "is_missed"]
    writer.writerow(heads + [f"group_{name}" for name in groups])
    for place, row in enumerate(metric.rows):
        measured = [values[name][place] for name in metric.names]
        writer.writerow(
            [row.id, row.category]
            + ["" if np.isnan(value) else repr(float(value)) for value in measured]
            + [row.tp, row.fp, row.fn, row.tn, int(row.is_missed)]
            + [row.groups.get(name, "") for name in groups]
        )
    return text.getvalue()


def _category_scores() -> tuple[str, ...]:
    return ("jaccard", "dice", "sensitivity", "precision", "boundary_iou")


def _facts(metric: SemanticMetric) -> dict[str, Mapping[str, str]]:
    """Picture id -> its groups, in the order of the pictures."""
    first: dict[str, Row] = {}
    for row in metric.rows:
        first.setdefault(row.id, row)
    return {sample_id: row.groups for sample_id, row in first.items()}


def _parts(metric: SemanticMetric, held: NDArray[np.str_], seed: int) -> tuple[Part, ...]:
    values = metric.per_picture()
    _, units = units_of(metric)
    parts = []
    for value in sorted(set(held)):
        places = np.flatnonzero(held == value)
        tied = None if units is None else [units[place] for place in places]
        shown = {name: mean(values[name][places], tied, seed=seed) for name in group_scores(metric)}
        parts.append(Part(str(value), len(places), shown))
    return tuple(parts)


def _pooled(
    name: str,
    counts: tuple[NDArray[np.float64], ...],
    units: Sequence[str] | None,
    seed: int,
) -> Interval:
    """The ratio over all pictures' pixels; with no such pixels at all it is 1, as everywhere."""
    tp, fp, fn, tn = counts
    found = bootstrap(*RATIOS[name](tp, fp, fn, tn), units, seed=seed)
    return replace(found, value=1.0) if np.isnan(found.value) else found
