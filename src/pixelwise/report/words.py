"""The report's sentences: the result as a paper can print it, and what to know before using it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pixelwise.held_out import Chosen
from pixelwise.metrics import Metric, Score, likeness
from pixelwise.metrics.detections import MOST
from pixelwise.metrics.poses import PoseMetric
from pixelwise.statistics import FEWEST_UNITS, Interval
from pixelwise.words import count

_FEW_UNITS = 10


@dataclass(frozen=True)
class Terms:
    """What the report of a task calls things.

    ``pooled``: what is counted as one picture's. ``part``: a line of the first table of parts, and
    ``parts``: what it is over. ``counts``: what per_image.csv holds. ``lines``: what is drawn.
    ``how``: the page that says how the numbers are made. ``units``: what is counted; ``ranked``:
    what average precision ranks, right from which ``likeness`` on.
    """

    pooled: str
    part: str
    parts: str
    counts: str
    lines: str
    how: str
    units: str = "segments"
    ranked: str = "segments"
    likeness: str = "IoU"


_OF_PIXELS = Terms(
    pooled="pixels",
    part="category",
    parts="Over the pictures whose truth or prediction has the category.",
    counts="pixel counts",
    lines="Outlines",
    how="how_pixels.html",
)
_OF_SEGMENTS = Terms(
    pooled="segments",
    part="category",
    parts="Pooled over the segments of all pictures; “pictures” counts those whose truth or "
    "prediction has the category.",
    counts="counts of segments, a line for each category",
    lines="Outlines",
    how="how_segments.html",
)
_OF_POSES = Terms(
    pooled="people",
    part="joint",
    parts="Pooled over the people of all pictures; “pictures” counts those where the joint is "
    "labelled.",
    counts="counts of people, and columns for each joint",
    lines="Lines",
    how="how_pose.html",
    units="people",
    ranked="poses",
    likeness="OKS",
)


def terms_of(kind: str) -> Terms:
    """The words for a metric's kind."""
    return {"semantic": _OF_PIXELS, "pose": _OF_POSES}.get(kind, _OF_SEGMENTS)


def sentence_of(chosen: Chosen, scores: Sequence[Score], metric: Metric, unit: str) -> str:
    """The result as a paper can print it."""
    by_name = {score.name: score for score in scores}
    number = len(metric.ids)
    seen = ", which had no part in learning" if chosen.is_unseen else ""
    if len({run.path for run in chosen.runs.values()}) > 1:
        seen = ", each predicted by the fold that did not learn from it" if chosen.is_unseen else ""
    of_kind = {"semantic": _of_pixels, "pose": _of_poses}.get(metric.kind, _of_segments)
    found, units = of_kind(by_name, metric)
    return f"On {count(number, 'picture')} of {chosen.where}{seen}, {found}. " + _about_intervals(
        units, unit
    )


def _about_intervals(units: int, unit: str) -> str:
    """What intervals draw, or why there are none."""
    if units < FEWEST_UNITS:
        return (
            f"{count(units, unit).capitalize()} are too few for intervals: below {FEWEST_UNITS} a "
            "95 % interval does not hold what it says."
        )
    return f"Intervals were bootstrapped over {count(units, unit)}."


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


def _of_poses(scores: Mapping[str, Score], metric: Metric) -> tuple[str, int]:
    precision, right = scores["oks_ap"].pooled, scores["pck_20"].pooled
    assert precision is not None and right is not None
    ruler = "torso" if isinstance(metric, PoseMetric) and metric.rulers.diagonals else "person"
    words = (
        "the average precision of poses by object keypoint similarity (COCO's OKS AP) was "
        f"{_with_interval(precision)} and the share of joints found within 0.2 of the {ruler} "
        f"(PCK@0.2) {right.words()}"
    )
    return words, precision.num_units


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
    if FEWEST_UNITS <= units < _FEW_UNITS:
        notes.append(
            f"Only {count(units, unit)}: read the intervals as a rough guide, "
            "and collect more before comparing."
        )
    about = {"semantic": _about_pixels, "pose": _about_poses}.get(metric.kind, _about_segments)
    notes += about(metric)
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


def _about_poses(metric: Metric) -> list[str]:
    rows: Sequence[Any] = metric.rows
    notes = []
    ignored = sum(row.num_ignored for row in rows)
    if ignored:
        notes.append(
            f"Crowds and people without a labelled joint ({ignored:,}) were not counted, nor poses "
            "on them."
        )
    full = sum(row.num_truth > likeness.MOST for row in rows)
    if full:
        notes.append(
            f"{count(full, 'picture')} held more than {likeness.MOST} people. COCO's average "
            f"precision and recall count the {likeness.MOST} surest poses alone and cannot reach 1 "
            "there; the other measures count all."
        )
    unmeasured = sum(row.num_joints - row.num_measured for row in rows)
    if unmeasured:
        notes.append(
            f"{count(unmeasured, 'labelled joint')} of people whose torso is not labelled have no "
            "part in PCK."
        )
    return notes
