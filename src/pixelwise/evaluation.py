"""Evaluating: a run and a folder become numbers that hold, a table, and a report.

Pictures stream through: memory holds a few of them at a time, and counts for all.
"""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

from pixelwise.builtin import NEVI, PEOPLE, is_here
from pixelwise.datasets import open_dataset
from pixelwise.held_out import Chosen, choose
from pixelwise.joints import jointed
from pixelwise.manifest import Manifest, refuse_foreign
from pixelwise.metrics import Metric
from pixelwise.metrics.semantic import SemanticMetric
from pixelwise.places import is_run, is_run_folder, refuse_runs
from pixelwise.predictor import load
from pixelwise.progress import Progress
from pixelwise.report import FILES, Case, Evaluation, Skipped, describe
from pixelwise.report.gallery import draw_case, picks
from pixelwise.run import Run, open_run
from pixelwise.types import IGNORE, Annotation, Image, PixelwiseError, Sample

Predict = Callable[[Image], Any]
PredictorFor = Callable[[Sample], Predict]

# Two threads read while one predicts: reading a 12-megapixel JPEG takes as long as a prediction.
_READERS, _AHEAD = 2, 4


@dataclass(frozen=True)
class Scored:
    """What `score` found: the metric, what could not be measured, and seconds of predicting."""

    metric: Metric
    skipped: tuple[Skipped, ...]
    predict_s: float


def evaluate(
    run: str | Path | None,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    out: str | Path | None = None,
    masks: str | None = None,
    pixel_mm: float | None = None,
    flips: bool = True,
    tile_px: int | None = None,
    device: str = "auto",
    runtime: str = "torch",
) -> Evaluation:
    """Measure a run on pictures it has not learned from, and write the report.

    Without ``data`` (or with the run's own) these are the run's test part; where it has none, the
    validation part, and the report says so. In a cross-validation each picture is predicted by the
    fold that did not see it. Of another folder it is every picture but those whose content the run
    learned from or was chosen by; they are named and left out.

    Args:
        run: folder of the run; None for a built-in model, which needs ``data``: see `built_in_for`.
        data: folder of images and masks.
        split: "test", "val" or "train" of the run's own data, instead of what is held out.
        out: where report.html, metrics.json and per_image.csv go; there, only those that an
            evaluation wrote are replaced. None: the run's folder for what is held out of its own
            data, RUN/part-NAME for another part, RUN/on-NAME for another folder (RUN/on-NAME-2
            for a second one of that name); evaluations/NAME for a built-in model.
        masks: what the other folder's mask values mean; None: the same as in the run.
        pixel_mm: a pixel's side in millimetres, for distances in both units.
        flips, tile_px, device, runtime: how to predict, see `pixelwise.predictor.load`.

    Raises:
        PixelwiseError: no run, no data, categories that do not match, nothing to measure, or a
            file that no evaluation wrote would be replaced.
    """
    if data is not None:
        found = Path(run) if run is not None else None
        refuse_runs([Path(data)], found if found and is_run(found) else None, "evaluate", "DATA")
    if run is not None:
        opened = open_run(run)
    elif data is not None:
        opened = open_run(built_in_for(data, masks))
    else:
        raise PixelwiseError(
            "The built-in models have no pictures of their own to be measured on. "
            "Give a folder of images and masks."
        )
    chosen = choose(opened, data, split, masks or opened.recipe.masks)
    default_out = _default_out(opened, chosen)
    folder = Path(out) if out else default_out
    _refuse_other_reports(folder, default_out)
    refuse_foreign(folder, FILES)
    metric = _metric_of(opened, pixel_mm)
    predictor_for = _predictors(
        chosen, flips=flips, tile_px=tile_px, device=device, runtime=runtime
    )
    with Progress("measuring", len(chosen.samples)) as bar:
        scored = score(chosen.samples, predictor_for, metric, on_progress=bar.at)
    gallery = draw_gallery(chosen.samples, predictor_for, scored.metric)
    options = {"split": split, "masks": masks, "pixel-mm": pixel_mm, "tile": tile_px}
    options |= {"runtime": None if runtime == "torch" else runtime}
    facts = {
        "Command": _command(run, data, options, flips=flips),
        "Prediction time": f"{scored.predict_s / len(chosen.samples):.3f} s per picture",
    }
    evaluation = describe(
        opened, chosen, scored.metric, scored.skipped, gallery, folder, facts=facts
    )
    evaluation.write(data=_mark(chosen.data))
    return evaluation


def _default_out(run: Run, chosen: Chosen) -> Path:
    """Where the report goes: another data folder of the same name has its report beside the first.

    The built-in model lies among the installed files, where no report belongs.
    """
    is_built_in = is_here(run.path)
    first = Path("evaluations") / chosen.data.resolve().name if is_built_in else chosen.default_out
    if chosen.part is not None:
        return first
    folders = (first.with_name(f"{first.name}-{k}" if k > 1 else first.name) for k in count(1))
    about = {"run": run.path.name, "data": _mark(chosen.data)}
    return next(folder for folder in folders if _is_free_for(folder, about))


def _is_free_for(folder: Path, about: Mapping[str, str]) -> bool:
    """Whether no evaluation of other data, or of another run, is in a folder."""
    evaluations = [
        command
        for command in Manifest(folder).read().commands
        if command.get("command") == "evaluate" and (folder / FILES[0]).exists()
    ]
    return not evaluations or all(evaluations[-1].get(key) == about[key] for key in about)


def _mark(data: Path) -> str:
    """A hash of where a folder lies: tells two of one name apart and tells nobody the place."""
    return blake2b(str(data.resolve()).encode(), digest_size=6).hexdigest()


def _refuse_other_reports(folder: Path, default_out: Path) -> None:
    """The report in a run's folder is of what is held out of its own data.

    Raises:
        PixelwiseError: it would be replaced by the report of something else.
    """
    if is_run_folder(folder) and folder.resolve() != default_out.resolve():
        raise PixelwiseError(
            f"{folder} is a run, which keeps the report of its own held-out images. Give --out "
            f"another folder, or leave it out for {default_out}."
        )


def built_in_for(data: str | Path, masks: str | None = None) -> Path:
    """The built-in model that can be measured on a folder: people where there are joints."""
    categories = open_dataset(data, masks or "auto").categories
    return PEOPLE if any(category.skeleton for category in categories) else NEVI


def score(
    samples: Sequence[Sample],
    predictor_for: PredictorFor,
    metric: Metric,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Scored:
    """Predict every sample and add up how well it agrees with its annotation.

    Args:
        samples: with annotations in terms of the metric's categories.
        predictor_for: gives the predictor of a sample: image (H, W, 3) uint8 -> result.
        metric: of the task, empty; it is filled.
        on_progress: gets how many pictures are done.

    Returns:
        the metric; pictures that cannot be read or measured are named and left out of it.

    Raises:
        PixelwiseError: not one picture could be measured; the message gives the first reason.
    """
    skipped, predict_s = [], 0.0
    for done, (sample, read) in enumerate(_read_ahead(samples), start=1):
        try:
            image, annotation = read()
            started = time.perf_counter()
            result = predictor_for(sample)(image)
            predict_s += time.perf_counter() - started
            _something_to_measure(annotation, metric)
            metric.update(sample.id, annotation, result, sample.groups)
        except (PixelwiseError, OSError) as error:
            skipped.append(Skipped(sample.id, str(error)))
        if on_progress is not None:
            on_progress(done)
    if not metric.rows:
        why = f" The first reason: {skipped[0].reason}" if skipped else ""
        raise PixelwiseError(f"None of the {len(samples)} pictures could be measured.{why}")
    return Scored(metric, tuple(skipped), predict_s)


def draw_gallery(
    samples: Sequence[Sample], predictor_for: PredictorFor, metric: Metric
) -> tuple[Case, ...]:
    """The worst, middle and best pictures by the first measure shown, truth and prediction drawn.

    They are predicted once more: holding every picture until it is known which are worst would
    take memory without bound.
    """
    ids, scores = metric.ids, metric.per_picture()[metric.shown[0]]
    by_id = {sample.id: sample for sample in samples}
    cases = []
    for title, place in picks(scores):
        sample = by_id[ids[place]]
        image, annotation = _read(sample)
        result = predictor_for(sample)(image)
        drawn = draw_case(image, annotation, result, metric)
        cases.append(Case(title, sample.id, float(scores[place]), sample.groups, drawn))
    return tuple(cases)


def _metric_of(run: Run, pixel_mm: float | None) -> Metric:
    """The empty metric of the run's task.

    Raises:
        PixelwiseError: a pixel's size, but no distance is measured.
    """
    metric = run.task().metric()
    if pixel_mm is None:
        return metric
    if metric.kind != "semantic":
        raise PixelwiseError(
            f"A pixel's size in mm is for the distances of a semantic segmentation; for the task "
            f"'{metric.kind}' no distance is measured. Leave out --pixel-mm."
        )
    return SemanticMetric(metric.categories, pixel_mm)


def _predictors(
    chosen: Chosen, *, flips: bool, tile_px: int | None, device: str, runtime: str
) -> PredictorFor:
    """The predictor of a sample: of the run, or of the fold that did not see it; loaded once."""

    @cache
    def of(folder: Path) -> Predict:
        return load(
            folder,
            flips=flips,
            tile_px=tile_px,
            device=device,
            runtime=runtime,
            num_pictures=len(chosen.samples),
        )

    return lambda sample: of(chosen.run_of(sample.id).path)


def _command(
    run: str | Path | None, data: str | Path | None, options: Mapping[str, object], *, flips: bool
) -> str:
    """The command line that does the same again."""
    words = ["pixelwise", "evaluate", *(str(path) for path in (run, data) if path)]
    for name, value in options.items():
        words += [] if value is None else [f"--{name}", str(value)]
    return shlex.join(words + ([] if flips else ["--no-flips"]))


def _read_ahead(
    samples: Sequence[Sample],
) -> Iterator[tuple[Sample, Callable[[], tuple[Image, Annotation]]]]:
    """The samples in order, the next few being read meanwhile; calling gives or raises."""
    with ThreadPoolExecutor(_READERS) as pool:
        waiting: deque[tuple[Sample, Future[tuple[Image, Annotation]]]] = deque()
        for sample in samples:
            waiting.append((sample, pool.submit(_read, sample)))
            if len(waiting) > _AHEAD:
                first, future = waiting.popleft()
                yield first, future.result
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result


def _read(sample: Sample) -> tuple[Image, Annotation]:
    return sample.read_image(), sample.read_annotation()


def _something_to_measure(annotation: Annotation, metric: Metric) -> None:
    if metric.kind == "pose":
        people = jointed(annotation, metric.categories)
        if len(people.places) and not people.is_labelled.any():
            raise PixelwiseError("Nobody in it has a labelled joint: nothing to measure.")
    elif (annotation.semantic == IGNORE).all():
        raise PixelwiseError("Every pixel of its mask is 255 (ignored): nothing to measure.")
