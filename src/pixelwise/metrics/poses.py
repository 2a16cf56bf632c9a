"""How well poses agree with the truth: average precision by OKS, PCK, and what a picture is worth.

`PoseMetric` holds a few counts for each picture and joint and a few bytes for each pose, so that
metrics of parts add up to the metric of the whole.

* Average precision and recall by object keypoint similarity (OKS): as COCO counts them, Lin et al.,
  "Microsoft COCO" (ECCV 2014) and its evaluation of keypoints (`likeness`, `detections`). One
  category is looked at: whoever has the skeleton.
* Pose quality: panoptic quality (Kirillov et al., "Panoptic Segmentation", CVPR 2019, equation 1)
  with OKS in the place of IoU: the sum of OKS over the people found (OKS 0.5 or more), divided by
  TP + FP / 2 + FN / 2. It is defined for one picture, where average precision says little, and
  knows no scores.
* PCK and PCKh, the joints' error in pixels and the share of joints found (`pck`).

A ratio of people whose denominator is 0 scores 1: nobody there and nobody found is perfect. What
asks about joints is not defined where no joint is labelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pixelwise.joints import skeleton_of
from pixelwise.metrics import Part, averages_of, ids_of, ratios_of
from pixelwise.metrics.detections import Detections
from pixelwise.metrics.likeness import MOST, Likeness
from pixelwise.metrics.matching import Floats
from pixelwise.metrics.pck import COUNTS, HEAD_SHARES, RATIOS, TORSO_SHARES, Rulers
from pixelwise.metrics.pose_rows import PoseRow
from pixelwise.metrics.precision import Ranking
from pixelwise.metrics.sums import Drawing
from pixelwise.statistics import RESAMPLES, Interval
from pixelwise.types import Annotation, Category, Poses

_AVERAGES = {f"oks_{name}": name for name in ("ap", "ap50", "ap75", "ap_medium", "ap_large")}
# The 20 surest are all that were judged.
_RECALLS = {
    "oks_ar": (MOST, slice(None)),
    "oks_ar50": (MOST, slice(0, 1)),
    "oks_ar75": (MOST, slice(5, 6)),
}
_PEOPLE = ("pose_quality", "pose_recall", "pose_precision")
_BY_JOINT = ("pck_20", "pck_10", "joint_error_px", "joints_found", "joint_oks")
_IN_ROWS = ("pck_20", "joint_error_px")


def pose_quality(truth: Annotation, result: Poses, categories: Sequence[Category]) -> float:
    """The pose quality of one picture: the sum of OKS over the people found / (TP + FP/2 + FN/2).

    Args:
        truth: crowds and people without a labelled joint are not missed, and excuse poses on them.
        result: of the same picture.
        categories: of both; the first with a skeleton is looked at.

    Returns:
        in [0, 1]; 1 where nobody is and nobody was found.

    Raises:
        PixelwiseError: no category has joints, or the two differ in size or joints.
    """
    place, _ = skeleton_of(categories)
    likeness = Likeness.of(truth, result, categories)
    return PoseRow.of("", likeness, categories[place], {}).quality


class PoseMetric:
    """Adds up how well the poses found agree with the people who are there.

    Two averages, always under these names:

    * **mean over pictures**: every picture counts the same. Average precision has none.
    * **pooled over people**: the people, and their joints, of all pictures counted as one
      picture's. This is the OKS AP and the PCK that papers quote.
    """

    kind = "pose"
    headline = "oks_ap"
    is_headline_pooled = True
    counted = (
        *("tp", "fp", "fn", "num_truth", "num_found", "num_ignored", "oks_sum"),
        *("num_joints", "num_measured"),
    )
    shown = ("pose_quality", "pck_20", "pck_10", "joint_error_px", "joints_found")

    def __init__(self, categories: Sequence[Category]) -> None:
        """Raises: PixelwiseError where no category has joints."""
        self.categories = tuple(categories)
        place, self.skeleton = skeleton_of(categories)
        self.category = self.categories[place]
        self.rows: list[PoseRow] = []
        self.detections: list[Detections] = []

    def update(
        self,
        sample_id: str,
        annotation: Annotation,
        result: Poses,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Add one picture.

        Raises:
            PixelwiseError: truth and prediction differ in size or joints.
        """
        likeness = Likeness.of(annotation, result, self.categories)
        self.rows.append(PoseRow.of(sample_id, likeness, self.category, dict(groups or {})))
        self.detections.append(likeness.judged())

    def __add__(self, other: PoseMetric) -> PoseMetric:
        """The metric of both sets of pictures."""
        assert self.categories == other.categories
        both = PoseMetric(self.categories)
        both.rows = self.rows + other.rows
        both.detections = self.detections + other.detections
        return both

    @property
    def rulers(self) -> Rulers:
        """What PCK is measured in."""
        return Rulers.of(self.skeleton.joints)

    @property
    def names(self) -> tuple[str, ...]:
        """What is measured, in the order of the report."""
        return tuple(name for names in self.sections.values() for name in names)

    @property
    def sections(self) -> dict[str, tuple[str, ...]]:
        """The report's tables; PCKh only where the skeleton has a head to measure."""
        heads = () if self.rulers.head is None else tuple(HEAD_SHARES)
        return {
            "Average precision, as COCO counts it": (*_AVERAGES, *_RECALLS),
            "People": _PEOPLE,
            "Joints": (*TORSO_SHARES, *heads, "joint_error_px", "joints_found"),
        }

    @property
    def ids(self) -> list[str]:
        """The pictures' ids, in the order they came."""
        return ids_of(self.rows)

    def per_row(self) -> dict[str, Floats]:
        """Every measure of a picture, and of each joint "MEASURE_JOINT": {name: (rows,)}."""
        counts = self._counts()
        found = self.per_picture()
        for name in _IN_ROWS:
            top, bottom = (counts[:, COUNTS.index(part)] for part in RATIOS[name])
            for joint, values in zip(self.skeleton.joints, ratios_of(top, bottom).T, strict=True):
                found[f"{name}_{joint}"] = values
        return found

    def per_picture(self) -> dict[str, Floats]:
        """Every measure of a picture for every one of ``ids``: {name: (pictures,) float64}."""
        found = {name: ratios_of(*parts, empty=1.0) for name, parts in self._people().items()}
        sums = self._counts().sum(axis=2)
        for name, parts in RATIOS.items():
            if name in self.names:
                top, bottom = (sums[:, COUNTS.index(part)] for part in parts)
                found[name] = ratios_of(top, bottom)
        return found

    def counts_per_picture(self) -> tuple[Floats, Floats]:
        """(pictures,) people there are, and poses found."""
        return self._column("num_truth"), self._column("num_found")

    def compute(self) -> dict[str, dict[str, float]]:
        """{"mean over pictures": {name: value}, "pooled over people": {name: value}}."""
        pooled = self.pooled(None, resamples=0)
        values = {name: found.value for name, found in pooled.items()}
        return averages_of(self.per_picture(), values, "people")

    def pooled(
        self, units: Sequence[str] | None, *, seed: int = 0, resamples: int = RESAMPLES
    ) -> dict[str, Interval]:
        """Every measure over the people of all pictures together.

        Args:
            units: (pictures,) names of what is drawn together. None: each picture alone.
            seed, resamples: of the drawing. Average precision is drawn 1,000 times at most.
        """
        drawing = Drawing(None if units is None else tuple(units), seed, resamples)
        ranking = Ranking(self.detections, (0,))
        averages, _ = ranking.averages(tuple(_AVERAGES.values()), drawing)
        found = {name: averages[plain] for name, plain in _AVERAGES.items()}
        found |= ranking.recalls(drawing, _RECALLS)
        found |= {name: drawing.ratio(*parts) for name, parts in self._people().items()}
        names = tuple(name for name in RATIOS if name in self.names)
        return found | self._ratios(self._counts().sum(axis=2, keepdims=True), names, drawing)[0]

    def by_category(
        self, units: Sequence[str] | None, *, seed: int = 0, resamples: int = RESAMPLES
    ) -> tuple[Part, ...]:
        """Every joint, over the people of all pictures whose joint is labelled."""
        drawing = Drawing(None if units is None else tuple(units), seed, resamples)
        counts = self._counts()
        num_pictures = (counts[:, COUNTS.index("labelled")] > 0).sum(axis=0)
        scores = self._ratios(counts, _BY_JOINT, drawing)
        lines = zip(self.skeleton.joints, num_pictures.tolist(), scores, strict=True)
        return tuple(Part(*line) for line in lines)

    def precision_curve(self, level: int) -> Floats:
        """(101,) precision at recall 0, 0.01, ..., 1; see `Ranking.curve`."""
        return Ranking(self.detections, (0,)).curve(level)

    def _ratios(
        self, counts: Floats, names: Sequence[str], drawing: Drawing
    ) -> tuple[dict[str, Interval], ...]:
        """The measures of each of K parts, from counts (pictures, len(COUNTS), K)."""
        tops, bottoms = (
            np.stack([counts[:, COUNTS.index(RATIOS[name][side])] for name in names], axis=2)
            for side in (0, 1)
        )
        flat = len(counts), counts.shape[2] * len(names)
        found = drawing.ratios(tops.reshape(flat), bottoms.reshape(flat))
        size = len(names)
        return tuple(
            dict(zip(names, found[start : start + size], strict=True))
            for start in range(0, len(found), size)
        )

    def _people(self) -> dict[str, tuple[Floats, Floats]]:
        """Measure -> what is divided by what, (pictures,) each."""
        tp, fp, fn = (self._column(name) for name in ("tp", "fp", "fn"))
        return {
            "pose_quality": (self._column("oks_sum"), tp + 0.5 * fp + 0.5 * fn),
            "pose_recall": (tp, tp + fn),
            "pose_precision": (tp, tp + fp),
        }

    def _counts(self) -> Floats:
        """(pictures, len(COUNTS), K)."""
        blank = np.zeros((0, len(COUNTS), len(self.skeleton.joints)))
        return np.concatenate([blank, *(row.joints[None] for row in self.rows)])

    def _column(self, name: str) -> Floats:
        return np.array([getattr(row, name) for row in self.rows], np.float64)
