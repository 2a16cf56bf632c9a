"""What is measured, what it is called, and what every task's metric offers to its reporters.

``semantic`` counts pixels (``boundaries``: distances). ``segments`` counts things and stuff:
``matching`` says which segment is which, ``rows`` what one picture holds, ``sums`` adds them up;
``detections`` and ``precision`` are the ranked way, average precision. ``poses`` counts people and
their joints: ``likeness`` says which pose is whose, ``pck`` how far each joint is off. ``coco`` and
``panoptic`` score files in COCO's own forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pixelwise.statistics import Interval
from pixelwise.types import Annotation, Category

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """What a measure is called, in full and in a narrow column; its unit; which way is better.

    ``is_summed``: a picture's value is the sum over its categories, not their mean.
    """

    label: str
    short: str
    unit: str = ""
    is_higher_better: bool = True
    is_summed: bool = False

    @property
    def digits(self) -> int:
        """Decimals worth printing."""
        return 1 if self.unit == "px" else 2 if self.unit else 3

    @property
    def phrase(self) -> str:
        """The name inside a sentence: without its abbreviation, in small letters where it is a
        description ("panoptic quality") and not a person's name ("Jaccard index") or letters
        ("OKS AP").
        """
        name = self.label.partition(" (")[0]
        is_name = name.startswith(("Jaccard", "Dice")) or name[1].isupper()
        return name if is_name else name[0].lower() + name[1:]


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
    "pq": Measure("Panoptic quality (PQ)", "PQ"),
    "rq": Measure("Recognition quality (RQ): F1 at IoU 0.5", "RQ"),
    "sq": Measure("Segmentation quality (SQ): mean IoU of what was found", "SQ"),
    "pq_things": Measure("Panoptic quality of things", "PQ things"),
    "sq_things": Measure("Segmentation quality of things", "SQ things"),
    "rq_things": Measure("Recognition quality of things", "RQ things"),
    "pq_stuff": Measure("Panoptic quality of stuff", "PQ stuff"),
    "sq_stuff": Measure("Segmentation quality of stuff", "SQ stuff"),
    "rq_stuff": Measure("Recognition quality of stuff", "RQ stuff"),
    "ap": Measure("AP, mean over IoU 0.50 to 0.95", "AP"),
    "ap50": Measure("AP at IoU 0.5", "AP50"),
    "ap75": Measure("AP at IoU 0.75", "AP75"),
    "ap_small": Measure("AP of segments below 32² px", "AP small"),
    "ap_medium": Measure("AP of segments from 32² to 96² px", "AP medium"),
    "ap_large": Measure("AP of segments above 96² px", "AP large"),
    "ar1": Measure("Average recall, the surest alone", "AR1"),
    "ar10": Measure("Average recall, the 10 surest", "AR10"),
    "ar100": Measure("Average recall, the 100 surest", "AR100"),
    "box_ap": Measure("AP of boxes, mean over IoU 0.50 to 0.95", "Box AP"),
    "box_ap50": Measure("AP of boxes at IoU 0.5", "Box AP50"),
    "box_ap75": Measure("AP of boxes at IoU 0.75", "Box AP75"),
    "detection_50": Measure("TP / (TP + FP + FN) at IoU 0.5", "TP/(TP+FP+FN)"),
    "detection": Measure("TP / (TP + FP + FN), mean over IoU 0.50 to 0.95", "the same, mean"),
    "recall_50": Measure("Recall at IoU 0.5", "Recall"),
    "precision_50": Measure("Precision at IoU 0.5", "Precision"),
    "best_dice": Measure("Symmetric best Dice: the smaller of both ways", "Best Dice"),
    "best_dice_truth": Measure("Best Dice of each in the truth", "Best Dice, truth"),
    "best_dice_found": Measure("Best Dice of each found", "Best Dice, found"),
    "count_error": Measure(
        "Count error: found - true", "Count error", "segments", False, is_summed=True
    ),
    "count_error_abs": Measure(
        "Absolute count error", "|Count error|", "segments", False, is_summed=True
    ),
    "oks_ap": Measure("OKS AP (mean over OKS 0.50 to 0.95)", "OKS AP"),
    "oks_ap50": Measure("AP at OKS 0.5", "AP50"),
    "oks_ap75": Measure("AP at OKS 0.75", "AP75"),
    "oks_ap_medium": Measure("AP of people from 32² to 96² px", "AP medium"),
    "oks_ap_large": Measure("AP of people above 96² px", "AP large"),
    "oks_ar": Measure("Average recall (mean over OKS 0.50 to 0.95)", "AR"),
    "oks_ar50": Measure("Recall at OKS 0.5, the 20 surest", "AR50"),
    "oks_ar75": Measure("Recall at OKS 0.75, the 20 surest", "AR75"),
    "pose_quality": Measure("Pose quality (PQ with OKS in place of IoU)", "Pose quality"),
    "pck_20": Measure("PCK@0.2 (joints within 0.2 of the torso)", "PCK@0.2"),
    "pck_10": Measure("PCK@0.1", "PCK@0.1"),
    "pck_05": Measure("PCK@0.05", "PCK@0.05"),
    "pckh_50": Measure("PCKh@0.5 (joints within half of the head)", "PCKh@0.5"),
    "pckh_10": Measure("PCKh@0.1", "PCKh@0.1"),
    "joints_found": Measure("Joints found, wherever", "Joints found"),
    "joint_error_px": Measure("Mean error of the joints found", "Joint error", "px", False),
    "joint_oks": Measure("Object keypoint similarity of the joint", "OKS of the joint"),
    "pose_recall": Measure("People found (recall at OKS 0.5)", "Recall"),
    "pose_precision": Measure("Poses of somebody (precision at OKS 0.5)", "Precision"),
}


@dataclass(frozen=True)
class Score:
    """One measure over all pictures.

    ``mean``: over pictures; not a number where a single picture has no such score (average
    precision). ``quartiles``: of the pictures' scores (25 %, median, 75 %). ``pooled``: all
    pictures counted as one; None for a measure that cannot be.
    """

    name: str
    measure: Measure
    mean: Interval
    quartiles: tuple[float, float, float]
    pooled: Interval | None


@dataclass(frozen=True)
class Part:
    """One line of a table by group or category: each measure over its pictures."""

    value: str
    num_pictures: int
    scores: Mapping[str, Interval]


class Row(Protocol):
    """What one picture says about one category; "" where there is nothing of any category."""

    @property
    def id(self) -> str:
        """The picture's."""

    @property
    def category(self) -> str:
        """The category's name."""

    @property
    def is_missed(self) -> bool:
        """Whether exactly one of truth and prediction has anything of it."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Named facts about the picture."""


class Counted:
    """What rows that count found, invented and missed ones have in common; see `Row`."""

    tp: int
    fp: int
    fn: int

    @property
    def num_truth(self) -> int:
        """How many there are; what nobody can be blamed for is not counted."""
        return self.tp + self.fn

    @property
    def num_found(self) -> int:
        """How many were predicted; what is excused is not counted."""
        return self.tp + self.fp

    @property
    def is_missed(self) -> bool:
        """Whether exactly one of truth and prediction has any."""
        return (self.num_truth == 0) != (self.num_found == 0)


class Metric(Protocol):
    """Sums that say how well results agree with annotations: what is reported stands on these.

    ``kind``: the task's name. ``headline``: the measure that stands for all, and
    ``is_headline_pooled``: whether its pooled value does, or its mean over pictures. ``shown``:
    measures of a picture that go into narrow tables; the first orders pictures. ``counted``:
    attributes of a row that go into per_image.csv beside the measures. ``sections``: {title:
    measures}, the report's tables.
    """

    @property
    def kind(self) -> str: ...
    @property
    def categories(self) -> tuple[Category, ...]: ...
    @property
    def headline(self) -> str: ...
    @property
    def is_headline_pooled(self) -> bool: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def shown(self) -> tuple[str, ...]: ...
    @property
    def counted(self) -> tuple[str, ...]: ...
    @property
    def sections(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def ids(self) -> list[str]: ...

    def update(
        self,
        sample_id: str,
        annotation: Annotation,
        result: Any,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Add one picture: what is true of it, and what was predicted."""

    def per_row(self) -> dict[str, Floats]:
        """{measure: (rows,)}, NaN where one is not defined."""

    def per_picture(self) -> dict[str, Floats]:
        """{measure: (pictures,)} in the order of ``ids``."""

    def pooled(self, units: Sequence[str] | None, *, seed: int = 0) -> dict[str, Interval]:
        """{measure: all pictures counted as one}; those that can be."""

    def by_category(self, units: Sequence[str] | None, *, seed: int = 0) -> tuple[Part, ...]:
        """A line for each category, none where one is all there is; of poses one for each joint."""


def averages_of(
    per_picture: Mapping[str, Floats], pooled: Mapping[str, float], over: str
) -> dict[str, dict[str, float]]:
    """Both averages by their names: {"mean over pictures": {...}, "pooled over ``over``": {...}}.

    A measure that no picture has is NaN.
    """
    means = {name: float(mean_of(values)) for name, values in per_picture.items()}
    return {"mean over pictures": means, f"pooled over {over}": dict(pooled)}


def starts_of(rows: Sequence[Row]) -> list[int]:
    """Where each picture's rows begin; a picture's rows stand together."""
    groups = groupby(range(len(rows)), key=lambda place: rows[place].id)
    return [next(places) for _, places in groups]


def ids_of(rows: Sequence[Row]) -> list[str]:
    """The pictures' ids, in the order they came."""
    return [rows[start].id for start in starts_of(rows)]


def means_of(values: Floats, starts: Sequence[int]) -> Floats:
    """The mean of what there is in each stretch of ``values``, NaN where there is nothing."""
    totals = sums_of(values, starts)
    return totals / sums_of(np.where(np.isnan(values), np.nan, 1.0), starts)


def sums_of(values: Floats, starts: Sequence[int]) -> Floats:
    """The sum of what there is in each stretch of ``values``, NaN where there is nothing."""
    if len(starts) == len(values):
        return values
    known = ~np.isnan(values)
    totals = np.add.reduceat(np.where(known, values, 0.0), starts)
    is_there = np.logical_or.reduceat(known, starts)
    return np.where(is_there, totals, np.nan)


def ratios_of(tops: Floats, bottoms: Floats, empty: float = np.nan) -> Floats:
    """Divide; where the denominator is 0, ``empty``."""
    out = np.full(np.shape(bottoms), empty)
    found: Floats = np.divide(tops, bottoms, out=out, where=bottoms > 0)
    return found


def mean_of(values: Floats) -> Floats:
    """The mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    sums: Floats = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)
