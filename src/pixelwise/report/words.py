"""The report's sentences: the result as a paper can print it, and what to know before using it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pixelwise.held_out import Chosen
from pixelwise.metrics import Metric, Score
from pixelwise.metrics.detections import MOST
from pixelwise.statistics import Interval
from pixelwise.words import count

_FEW_UNITS = 10


def sentence_of(chosen: Chosen, scores: Sequence[Score], metric: Metric, unit: str) -> str:
    """The result as a paper can print it."""
    by_name = {score.name: score for score in scores}
    number = len(metric.ids)
    seen = ", which had no part in learning" if chosen.is_unseen else ""
    if len({run.path for run in chosen.runs.values()}) > 1:
        seen = ", each predicted by the fold that did not learn from it" if chosen.is_unseen else ""
    found, units = (_of_pixels if metric.kind == "semantic" else _of_segments)(by_name, metric)
    return (
        f"On {count(number, 'picture')} of {chosen.where}{seen}, {found}. "
        f"Intervals were bootstrapped over {count(units, unit)}."
    )


def _of_pixels(scores: Mapping[str, Score], metric: Metric) -> tuple[str, int]:
    jaccard, dice = scores["jaccard"].mean, scores["dice"].mean
    each = "" if len(metric.categories) == 2 else ", each the mean over its picture's categories"
    words = (
        f"the mean Jaccard index was {_with_interval(jaccard)} "
        f"and the mean Dice coefficient {dice.words()}{each}"
    )
    return words, jaccard.num_units


def _of_segments(scores: Mapping[str, Score], metric: Metric) -> tuple[str, int]:
    quality, precision = scores["pq"].pooled, scores["ap50"].pooled
    assert quality is not None and precision is not None
    each = "" if len(metric.categories) == 2 else ", each the mean over categories"
    words = (
        f"the panoptic quality was {_with_interval(quality)} and the average precision at "
        f"IoU 0.5 (COCO's AP50) {precision.words()}{each}"
    )
    return words, quality.num_units


def _with_interval(interval: Interval) -> str:
    """The number with its interval, which the first time is called by its full name."""
    if interval.low is None:
        return interval.words()
    return interval.words().replace("(", "(95 % confidence interval ")


def notes_of(metric: Metric, units: int, num_skipped: int, unit: str) -> list[str]:
    """What a reader must know before trusting the numbers.

    Args:
        metric: the counts. units: how many independent units there are, each a ``unit``.
        num_skipped: pictures that could not be measured.
    """
    notes = []
    if units < _FEW_UNITS:
        notes.append(
            f"Only {count(units, unit)}: read the intervals as a rough guide, "
            "and collect more before comparing."
        )
    notes += _about_pixels(metric) if metric.kind == "semantic" else _about_segments(metric)
    if num_skipped:
        notes.append(f"{count(num_skipped, 'picture')} could not be measured; see below.")
    return notes


def _about_pixels(metric: Metric) -> list[str]:
    missed = sum(row.is_missed for row in metric.rows)
    if not missed:
        return []
    return [
        f"In {count(missed, 'case')} only one of truth and prediction outlined anything; "
        "both distances count as the picture's diagonal there, the worst there can be."
    ]


def _about_segments(metric: Metric) -> list[str]:
    rows: Sequence[Any] = metric.rows
    full = {row.id for row in rows if row.is_thing and row.num_truth > MOST}
    if not full:
        return []
    return [
        f"{count(len(full), 'picture')} held more than {MOST} segments of a category. COCO's "
        f"average precision and recall count the {MOST} surest alone and cannot reach 1 there; "
        "the other measures count all."
    ]
