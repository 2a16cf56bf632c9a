"""Whether an exported file does what the model does, from the picture to the decoded result.

Both look at the same pictures at working size. What is compared are the maps, number by number,
and what the task decodes from them at each picture's own size. Of an int8 file, which is allowed
to differ, it is measured as well how much it loses on annotated pictures.

Some numbers are not settled by the weights: where two pixels are equal but for rounding, SegNet
puts a feature at one or the other, and sums in another order decide differently. Such a number may
move as far as it does when the model's weights and pixels are changed by a rounding error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.agreement import agree, measure_of
from pixelwise.formats import Images, Maps, Runner
from pixelwise.loader import Look
from pixelwise.tasks import Task
from pixelwise.types import PixelwiseError


@dataclass(frozen=True)
class Limits:
    """How far a file may be from the model.

    ``difference``: of any number in the maps, at most. ``agreement``: of the decoded results, at
    least. ``loss``: of the mean score on annotated pictures, below this. None = not asked.
    """

    difference: float | None
    agreement: float
    loss: float | None = None


LIMITS = {
    "float32": Limits(1e-4, 0.999),
    # Half precision has 11 bits: trained networks with logits up to 12 came out 0.008 apart. By
    # 0.05 no probability moves by more than 0.0125, for the logistic curve's slope is 1/4 at most.
    "float16": Limits(0.05, 0.99),
    "int8": Limits(None, 0.97, 0.01),
}


@dataclass(frozen=True)
class Proof:
    """How far a file was from the model.

    ``difference``: the largest of any number in the maps; ``worst``: in which map, of what.
    ``beyond``: the largest that is beyond the limit and not explained by a rounding error, 0 where
    there is none; ``unsettled``: the share of numbers that are beyond it and explained.
    ``agreement``: in [0, 1], of the decoded results, and ``measure``: by which measure (IoU over
    the pixels of all pictures, else the mean of the task's score with the model's result as the
    truth). ``loss``: how much lower the mean ``score`` is on ``num_annotated`` pictures than the
    model's; None where it was not asked.
    """

    precision: str
    num_pictures: int
    difference: float
    worst: str
    beyond: float
    unsettled: float
    agreement: float
    measure: str
    loss: float | None = None
    score: str = ""
    num_annotated: int = 0

    @property
    def limits(self) -> Limits:
        """What is asked of this precision."""
        return LIMITS[self.precision]

    @property
    def complaints(self) -> list[str]:
        """What is beyond the limits, with its number; nothing where the file is proven."""
        limits, found = self.limits, []
        if self.beyond > 0:
            found.append(
                f"the maps differ by up to {self.beyond:.2g} ({self.worst}), and may by "
                f"{limits.difference:g}"
            )
        if not self.agreement >= limits.agreement:
            found.append(
                f"the results agree by {_words(self.measure)} {self.agreement:.4f} on "
                f"{self.num_pictures} pictures, and must by {limits.agreement:g}"
            )
        if limits.loss is not None and not (self.loss is not None and self.loss < limits.loss):
            found.append(
                f"the {self.score} is {self.loss:.4f} lower on {self.num_annotated} annotated "
                f"pictures, and may be by less than {limits.loss:g}"
            )
        return found

    @property
    def sentence(self) -> str:
        """The numbers, for people."""
        lost = (
            f", {self.score} changed by {-self.loss:+.4f} on {self.num_annotated} annotated ones"
            if self.loss is not None
            else ""
        )
        settled = (
            f" (of {self.unsettled:.2%} of the numbers, which a rounding error moves as far)"
            if self.unsettled
            else ""
        )
        return (
            f"{self.precision}: largest difference of the maps {self.difference:.2g}{settled}, "
            f"{self.measure} {self.agreement:.4f} on {self.num_pictures} pictures{lost}"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain data, with the limits."""
        return {**asdict(self), "limits": asdict(self.limits)}


def _words(measure: str) -> str:
    return f"the {measure}" if measure != "IoU" else measure


@dataclass(frozen=True)
class Pair:
    """The model and the file, side by side.

    ``shaken``: gives the model with its numbers changed by a rounding error, several times.
    """

    model: Runner
    file: Runner
    task: Task
    shaken: Callable[[], Iterable[Runner]] = tuple

    def maps(self, images: Images) -> tuple[Maps, Maps]:
        """Of both.

        Raises:
            PixelwiseError: the file cannot look at these pictures, or gives other maps.
        """
        expected = self.model(images)
        try:
            found = self.file(images)
        # Every runtime has exceptions of its own.
        except Exception as error:
            raise PixelwiseError(
                f"The file cannot take pictures of {images.shape}: {error}."
            ) from error
        shapes = [
            {name: (maps.shape, str(maps.dtype)) for name, maps in each.items()}
            for each in (expected, found)
        ]
        if shapes[0] != shapes[1] or list(expected) != list(found):
            raise PixelwiseError(
                f"The file gives other maps than the model: {shapes[1]}, not {shapes[0]}."
            )
        return expected, found

    def results(self, look: Look, both: tuple[Maps, Maps]) -> tuple[Any, Any]:
        """What the task decodes from maps of one picture, (1, C, h, w) each."""
        model, file = (
            self.task.decode({name: values[0] for name, values in maps.items()}, look.warp)
            for maps in both
        )
        return model, file


def prove(
    pair: Pair,
    precision: str,
    looks: Sequence[Look],
    batches: Sequence[Images],
    annotated: Sequence[Look] = (),
) -> Proof:
    """Compare a file with its model.

    Args:
        pair: the two.
        precision: decides the limits.
        looks: pictures whose results are compared too.
        batches: pictures of other sizes and numbers, of which only the maps are compared; none
            where the file takes one size.
        annotated: pictures to measure the loss on; looked at where the precision asks for it.

    Raises:
        PixelwiseError: the file cannot run, or gives other maps.
    """
    limit = LIMITS[precision].difference
    gaps = [_gap(pair, batch, f"noise of {batch.shape}", limit)[0] for batch in batches]
    results = []
    for number, look in enumerate(looks, start=1):
        gap, both = _gap(pair, look.image[None], f"picture {number}", limit)
        gaps.append(gap)
        results.append(pair.results(look, both))
    worst = max(gaps, key=lambda gap: (gap.beyond, gap.difference))
    difference = max(gap.difference for gap in gaps)
    unsettled = sum(gap.unsettled for gap in gaps) / sum(gap.num for gap in gaps)
    agreement, measure = agree(results, pair.task)
    proof = Proof(
        precision=precision,
        num_pictures=len(looks),
        difference=difference,
        worst=worst.where,
        beyond=worst.beyond,
        unsettled=unsettled,
        agreement=agreement,
        measure=measure,
    )
    if proof.limits.loss is None:
        return proof
    return _with_loss(proof, pair, annotated)


@dataclass(frozen=True)
class Gap:
    """Between maps of the same pictures; see `Proof`.

    ``unsettled``: how many of the ``num`` numbers.
    """

    difference: float
    where: str
    beyond: float
    unsettled: int
    num: int


def _gap(
    pair: Pair, images: Images, what: str, limit: float | None
) -> tuple[Gap, tuple[Maps, Maps]]:
    """The largest difference of all maps of some pictures, and the maps."""
    both = pair.maps(images)
    # What is no number is as far away as can be.
    gaps = {
        name: np.nan_to_num(np.abs(expected - both[1][name]), nan=np.inf)
        for name, expected in both[0].items()
    }
    largest = {name: float(gap.max()) for name, gap in gaps.items()}
    worst = max(largest, key=lambda name: largest[name])
    beyond, unsettled = 0.0, 0
    if limit is not None and largest[worst] > limit:
        restless = _restless(pair, images, both[0])
        excess = {name: gap > _allowed(restless[name], limit) for name, gap in gaps.items()}
        beyond = max(float(gap[excess[name]].max(initial=0)) for name, gap in gaps.items())
        unsettled = sum(int(((gap > limit) & ~excess[name]).sum()) for name, gap in gaps.items())
    num = sum(gap.size for gap in gaps.values())
    return Gap(largest[worst], f"map '{worst}' of {what}", beyond, unsettled, num), both


def _allowed(restless: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """How far each number may be: beyond the limit only where it is not settled.

    Eight shakes do not find the largest move of every number: a settled one moves far less than
    the limit, and any other may move as far as the farthest, and as much again.
    """
    farthest = max(limit, 2 * float(restless.max()))
    return np.where(restless > limit / 10, farthest, limit).astype(np.float32)


def _restless(pair: Pair, images: Images, expected: Maps) -> dict[str, NDArray[np.float32]]:
    """How far each number moves when weights and pixels are changed by a rounding error."""
    moved = {name: np.zeros_like(values) for name, values in expected.items()}
    for shaken in pair.shaken():
        for name, values in shaken(images).items():
            np.maximum(moved[name], np.abs(values - expected[name]), out=moved[name])
    return moved


def _scores(pair: Pair, look: Look) -> list[float]:
    """What the model's result is worth, and the file's."""
    results = pair.results(look, pair.maps(look.image[None]))
    return [pair.task.score(look.truth, result) for result in results]


def _with_loss(proof: Proof, pair: Pair, annotated: Sequence[Look]) -> Proof:
    """The proof, with how much the file's results are farther from the truth than the model's."""
    scores = np.array([_scores(pair, look) for look in annotated]).reshape(-1, 2)
    lost = float((scores[:, 0] - scores[:, 1]).mean()) if len(scores) else float("nan")
    name = measure_of(pair.task)
    score = "Jaccard index" if name == "IoU" else name
    return replace(proof, loss=lost, score=score, num_annotated=len(annotated))
