"""What one picture says of its people and their joints: the rows that `PoseMetric` adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pixelwise.metrics import Counted
from pixelwise.metrics.likeness import LEAST_OKS, Likeness
from pixelwise.metrics.matching import Floats
from pixelwise.metrics.pck import COUNTS, count_joints
from pixelwise.types import Category


@dataclass(frozen=True, eq=False)
class PoseRow(Counted):
    """What one picture says.

    Attributes:
        id, category: the picture's id; the name of the category with joints.
        tp, fp, fn: people found (OKS 0.5 or more), invented and missed.
        oks_sum: of the found ones.
        num_ignored: crowds and people without a labelled joint.
        joints: (len(COUNTS), K) float64, see `pixelwise.metrics.pck.COUNTS`.
        groups: named facts about the picture.
    """

    id: str
    category: str
    tp: int
    fp: int
    fn: int
    oks_sum: float
    num_ignored: int
    joints: Floats
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_joints(self) -> int:
        """Labelled joints."""
        return int(self.joints[COUNTS.index("labelled")].sum())

    @property
    def num_measured(self) -> int:
        """Labelled joints that have a part in PCK."""
        return int(self.joints[COUNTS.index("torso")].sum())

    @property
    def quality(self) -> float:
        """The picture's pose quality, in [0, 1]."""
        whole = self.tp + 0.5 * self.fp + 0.5 * self.fn
        return self.oks_sum / whole if whole else 1.0

    @classmethod
    def of(
        cls, sample_id: str, likeness: Likeness, category: Category, groups: Mapping[str, str]
    ) -> PoseRow:
        """Count one picture."""
        rows, columns = likeness.pairs(LEAST_OKS)
        is_wrong = ~likeness.excused()
        is_wrong[columns] = False
        is_counted = likeness.people.is_labelled
        assert category.skeleton is not None
        return cls(
            id=sample_id,
            category=category.name,
            tp=len(rows),
            fp=int(is_wrong.sum()),
            fn=int(is_counted.sum()) - len(rows),
            oks_sum=float(likeness.alike[rows, columns].sum()),
            num_ignored=int((~is_counted).sum()),
            joints=count_joints(likeness, category.skeleton),
            groups=groups,
        )
