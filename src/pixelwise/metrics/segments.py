"""How well segments agree with the truth: panoptic quality, average precision, counts.

`InstanceMetric` looks at things, `PanopticMetric` at things and stuff. Both hold counts for each
picture and category and a few bytes for each detection, never a mask, so that metrics of parts
add up to the metric of the whole.

* Panoptic, segmentation and recognition quality: Kirillov et al., "Panoptic Segmentation" (CVPR
  2019), equations 1 and 2, with its rules for void and crowds (`matching`).
* Average precision and recall of masks and boxes: as COCO counts them (`detections`).
* TP / (TP + FP + FN) at one IoU, and its mean over IoU from 0.50 to 0.95: the score of the 2018
  Data Science Bowl (Caicedo et al., Nature Methods 2019). StarDist calls it accuracy, Cellpose
  average precision; it knows no ranking and is another number than COCO's AP.
* Best Dice: for each segment the Dice of what fits it best, averaged over the segments of one side;
  symmetric is the smaller of both ways (Scharr et al., "Leaf segmentation in plant phenotyping",
  Machine Vision and Applications 2016).

A ratio whose denominator is 0 scores 1: nothing there and nothing found is perfect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from pixelwise.metrics import (
    Part,
    averages_of,
    ids_of,
    means_of,
    ratios_of,
    starts_of,
    sums_of,
)
from pixelwise.metrics.detections import Detections, Sides, box_pairs, judge, mask_pairs, surest
from pixelwise.metrics.matching import Floats, overlaps
from pixelwise.metrics.precision import AVERAGES, Ranking
from pixelwise.metrics.rows import SegmentRow, rows_of
from pixelwise.metrics.sums import Drawing, SegmentSums
from pixelwise.statistics import RESAMPLES, Interval
from pixelwise.types import Annotation, Category, Instances

QUALITIES = ("pq", "sq", "rq")
COCO = (*AVERAGES, "ar1", "ar10", "ar100", "box_ap", "box_ap50", "box_ap75")
DETECTION = ("detection_50", "detection", "recall_50", "precision_50")
BEST_DICE = ("best_dice", "best_dice_truth", "best_dice_found")
COUNTS = ("count_error", "count_error_abs")
_BY_CATEGORY = ("ap", "ap50")
_Precision = tuple[dict[str, Interval], tuple[dict[str, Interval], ...]]


class InstanceMetric:
    """Adds up how well the instances found agree with those that are there.

    Two averages, always under these names:

    * **mean over pictures**: every picture counts the same; its score is the mean over the
      categories in its truth or its prediction, and its count error the sum over them.
    * **pooled over segments**: the segments of all pictures counted as one picture's, then the mean
      over the categories that have any. This is the PQ and the AP that papers quote.
    """

    kind = "instance"
    headline = "pq"
    is_headline_pooled = True
    counted = ("tp", "fp", "fn", "num_truth", "num_found", "iou_sum")
    shown = ("pq", "rq", "detection_50", "best_dice", "count_error")
    _stuff = False

    def __init__(self, categories: Sequence[Category]) -> None:
        self.categories = tuple(categories)
        self.rows: list[SegmentRow] = []
        self.masks: list[Detections] = []
        self.boxes: list[Detections] = []
        # Drawing every detection again takes seconds: once for all who ask.
        self._known: dict[Drawing, _Precision] = {}

    def update(
        self,
        sample_id: str,
        annotation: Annotation,
        result: Instances,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Add one picture.

        Raises:
            PixelwiseError: truth and prediction differ in size or categories.
        """
        self._known.clear()
        things = overlaps(annotation, result, self.categories, stuff=False)
        every = things
        if self._stuff:
            every = overlaps(annotation, result, self.categories, stuff=True)
        self.rows += rows_of(sample_id, every, self.categories, dict(groups or {}))
        scores = result.scores[things.found_ids].astype(np.float64)
        sides, order = Sides.of(things), surest(things.found_labels, scores)
        boxes = box_pairs(things, annotation, result, order)
        for kept, pairs in ((self.masks, mask_pairs(things)), (self.boxes, boxes)):
            kept.append(judge(sides, scores, order, pairs, len(self.categories)))

    def __add__(self, other: Self) -> Self:
        """The metric of both sets of pictures."""
        assert self.categories == other.categories
        both = type(self)(self.categories)
        both.rows = self.rows + other.rows
        both.masks = self.masks + other.masks
        both.boxes = self.boxes + other.boxes
        return both

    @property
    def names(self) -> tuple[str, ...]:
        """What is measured, in the order of the report."""
        return tuple(name for names in self.sections.values() for name in names)

    @property
    def sections(self) -> dict[str, tuple[str, ...]]:
        """The report's tables."""
        return {
            "Panoptic quality": QUALITIES,
            "Average precision, as COCO counts it": COCO,
            "Detection at one IoU": DETECTION,
            "Best Dice": BEST_DICE,
            "Counting": COUNTS,
        }

    @property
    def ids(self) -> list[str]:
        """The pictures' ids, in the order they came."""
        return ids_of(self.rows)

    def per_row(self) -> dict[str, Floats]:
        """Every measure of a picture for every row: {name: (rows,) float64}.

        SQ is NaN where nothing was found, and what asks about things alone is NaN for stuff.
        """
        tp, fp, fn = (self._column(name) for name in ("tp", "fp", "fn"))
        iou, whole = self._column("iou_sum"), tp + 0.5 * fp + 0.5 * fn
        is_nothing = whole == 0
        quality = {
            "pq": ratios_of(iou, whole, empty=1.0),
            "sq": np.where(is_nothing, 1.0, ratios_of(iou, tp)),
            "rq": ratios_of(tp, whole, empty=1.0),
        }
        is_thing = np.array([row.is_thing for row in self.rows], np.bool_)
        return quality | {
            name: np.where(is_thing, values, np.nan) for name, values in self._of_things().items()
        }

    def _of_things(self) -> dict[str, Floats]:
        tp_at, fp_at = self._column("tp_at"), self._column("fp_at")
        truth, found = self._column("num_truth"), self._column("num_found")
        share = ratios_of(tp_at, fp_at + truth[:, None], empty=1.0)
        best_truth = self._column("best_dice_truth_sum")
        best_found = self._column("best_dice_found_sum")
        # With one side empty both ways are 0, not 1: there is something that nothing fits.
        is_one_sided = (truth > 0) != (found > 0)
        ways = [
            np.where(is_one_sided, 0.0, ratios_of(*parts, empty=1.0))
            for parts in ((best_truth, truth), (best_found, found))
        ]
        return {
            "detection_50": share[:, 0],
            "detection": share.mean(axis=1),
            "recall_50": ratios_of(tp_at[:, 0], truth, empty=1.0),
            "precision_50": ratios_of(tp_at[:, 0], found, empty=1.0),
            "best_dice": np.minimum(*ways),
            "best_dice_truth": ways[0],
            "best_dice_found": ways[1],
            "count_error": found - truth,
            "count_error_abs": np.abs(found - truth),
        }

    def per_picture(self) -> dict[str, Floats]:
        """Every measure of a picture for every one of ``ids``: {name: (pictures,) float64}."""
        starts = starts_of(self.rows)
        return {
            name: (sums_of if name in COUNTS else means_of)(values, starts)
            for name, values in self.per_row().items()
        }

    def counts_per_picture(self) -> tuple[Floats, Floats]:
        """(pictures,) things there are, and things found, of all categories together."""
        starts = starts_of(self.rows)
        is_thing = np.array([row.is_thing for row in self.rows], np.bool_)
        truth, found = (
            np.nan_to_num(sums_of(np.where(is_thing, self._column(name), 0.0), starts))
            for name in ("num_truth", "num_found")
        )
        return truth, found

    def compute(self) -> dict[str, dict[str, float]]:
        """{"mean over pictures": {name: value}, "pooled over segments": {name: value}}."""
        pooled = self.pooled(None, resamples=0)
        values = {name: found.value for name, found in pooled.items()}
        return averages_of(self.per_picture(), values, "segments")

    def pooled(
        self, units: Sequence[str] | None, *, seed: int = 0, resamples: int = RESAMPLES
    ) -> dict[str, Interval]:
        """Every measure that all pictures' segments have together.

        Args:
            units: (pictures,) names of what is drawn together. None: each picture alone.
            seed, resamples: of the drawing. Average precision is drawn 1,000 times at most.
        """
        drawing = Drawing(None if units is None else tuple(units), seed, resamples)
        sums, things = SegmentSums.of(self.rows, self.categories), self._places(is_thing=True)
        found = dict(zip(QUALITIES, sums.qualities(drawing, self._counted_places()), strict=True))
        whole, _ = self._precision(drawing)
        found |= whole | sums.detection(drawing, things) | sums.best_dice(drawing, things)
        return found

    def by_category(
        self, units: Sequence[str] | None, *, seed: int = 0, resamples: int = RESAMPLES
    ) -> tuple[Part, ...]:
        """Every category, pooled over segments; empty where there is one alone."""
        places = self._counted_places()
        if len(places) == 1:
            return ()
        drawing = Drawing(None if units is None else tuple(units), seed, resamples)
        sums = SegmentSums.of(self.rows, self.categories)
        _, of_things = self._precision(drawing)
        precision = dict(zip(self._places(is_thing=True), of_things, strict=True))
        nothing = Interval(np.nan, None, None, 0)
        parts = []
        for place in places:
            scores = dict(zip(QUALITIES, sums.qualities(drawing, [place]), strict=True))
            scores |= {name: precision.get(place, {}).get(name, nothing) for name in _BY_CATEGORY}
            name = self.categories[place].name
            num_pictures = sum(row.category == name for row in self.rows)
            if num_pictures:
                parts.append(Part(name, num_pictures, scores))
        return tuple(parts)

    def precision_curve(self, level: int) -> Floats:
        """(101,) precision of masks at recall 0, 0.01, ..., 1; see `Ranking.curve`."""
        return Ranking(self.masks, self._places(is_thing=True)).curve(level)

    def _precision(self, drawing: Drawing) -> _Precision:
        """Average precision and recall over all categories, and average precision of each."""
        if drawing not in self._known:
            places = self._places(is_thing=True)
            masks, boxes = Ranking(self.masks, places), Ranking(self.boxes, places)
            found, each = masks.averages(tuple(AVERAGES), drawing)
            found |= masks.recalls(drawing)
            of_boxes, _ = boxes.averages(("ap", "ap50", "ap75"), drawing)
            found |= {f"box_{name}": value for name, value in of_boxes.items()}
            self._known[drawing] = found, each
        return self._known[drawing]

    def _places(self, *, is_thing: bool) -> list[int]:
        return [p for p, each in enumerate(self.categories) if each.is_thing == is_thing]

    def _counted_places(self) -> list[int]:
        """Categories that have segments: things, and stuff where it is looked at."""
        return list(range(len(self.categories))) if self._stuff else self._places(is_thing=True)

    def _column(self, name: str) -> Floats:
        return np.array([getattr(row, name) for row in self.rows], np.float64)


class PanopticMetric(InstanceMetric):
    """Adds up how well a panoptic segmentation agrees with the truth.

    As `InstanceMetric`, with the panoptic quality of things and stuff together and of each; what
    ranks or counts looks at things alone, and is not defined for a picture without any.
    """

    kind = "panoptic"
    shown = ("pq", "pq_things", "pq_stuff", "rq", "detection_50")
    _stuff = True

    @property
    def sections(self) -> dict[str, tuple[str, ...]]:
        """The report's tables."""
        halves = tuple(f"{name}_{half}" for half in ("things", "stuff") for name in QUALITIES)
        found = super().sections
        return {
            "Panoptic quality": QUALITIES + halves,
            **{f"{title} (things)": names for title, names in list(found.items())[1:]},
        }

    def per_row(self) -> dict[str, Floats]:
        """As `InstanceMetric.per_row`, and the qualities of things and of stuff."""
        found = super().per_row()
        is_thing = np.array([row.is_thing for row in self.rows], np.bool_)
        for half, is_in in (("things", is_thing), ("stuff", ~is_thing)):
            found |= {f"{n}_{half}": np.where(is_in, found[n], np.nan) for n in QUALITIES}
        return found

    def pooled(
        self, units: Sequence[str] | None, *, seed: int = 0, resamples: int = RESAMPLES
    ) -> dict[str, Interval]:
        """As `InstanceMetric.pooled`, and the qualities of things and of stuff."""
        found = super().pooled(units, seed=seed, resamples=resamples)
        drawing = Drawing(None if units is None else tuple(units), seed, resamples)
        sums = SegmentSums.of(self.rows, self.categories)
        for half, is_thing in (("things", True), ("stuff", False)):
            values = sums.qualities(drawing, self._places(is_thing=is_thing))
            found |= {f"{n}_{half}": value for n, value in zip(QUALITIES, values, strict=True)}
        return found
