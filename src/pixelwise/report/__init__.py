"""An evaluation: its numbers, and the files that carry them to people and programs."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pixelwise import trained
from pixelwise.held_out import Chosen
from pixelwise.manifest import write_files
from pixelwise.metrics import Metric, Part, Score
from pixelwise.metrics.semantic import SemanticMetric
from pixelwise.report.page import render
from pixelwise.report.words import notes_of, sentence_of
from pixelwise.run import Run
from pixelwise.statistics import Interval, Reliability, reliability
from pixelwise.tables import groups_of, rows_as_csv, scores_of, units_of
from pixelwise.types import Image

FILES = ("report.html", "metrics.json", "per_image.csv")
"""What `Evaluation.write` writes."""


@dataclass(frozen=True)
class Skipped:
    """A picture that could not be measured, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Case:
    """A picture of the gallery. ``title``: "Worst", "Middle" or "Best". ``score``: by the measure
    that orders pictures. ``drawn``: (h, w, 3) uint8, truth and prediction drawn on it.
    """

    title: str
    id: str
    score: float
    groups: Mapping[str, str]
    drawn: Image


@dataclass(frozen=True)
class Evaluation:
    """How good a run is on some pictures, and how that was found out.

    ``sentence`` is what a paper can quote; ``scores``, ``categories`` and ``groups`` are tables
    with intervals. ``where`` names the pictures, ``is_unseen`` says whether they had no part in
    learning. ``unit`` is what the intervals draw ("picture", "patient"). ``notes`` are sentences a
    reader of the numbers must know. ``histories``: name -> lines of learning, per fold.
    ``part``: "train", "val" or "test" of the run's own data, or None for another folder.
    ``training``: how far the run was, see `trained.as_json`. ``calibration`` is of a semantic
    segmentation's pixels. ``facts``: everything needed to repeat
    this. ``out``: the folder `write` writes to.
    """

    sentence: str
    where: str
    is_unseen: bool
    part: str | None
    training: Mapping[str, Any]
    unit: str
    metric: Metric
    scores: tuple[Score, ...]
    categories: tuple[Part, ...]
    groups: Mapping[str, tuple[Part, ...]]
    calibration: Reliability | None
    gallery: tuple[Case, ...]
    histories: Mapping[str, Sequence[Mapping[str, Any]]]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    left_out: tuple[str, ...]
    facts: Mapping[str, str]
    out: Path
    images: Mapping[str, str] = field(default_factory=dict)

    @property
    def report(self) -> Path:
        """Where the page for people goes."""
        return self.out / "report.html"

    @property
    def num_pictures(self) -> int:
        """How many pictures were measured."""
        return len(self.metric.ids)

    @property
    def headline(self) -> Interval:
        """The number that stands for all: the mean Jaccard over pictures; pooled PQ or OKS AP."""
        score = self[self.metric.headline]
        pooled = score.pooled if self.metric.is_headline_pooled else None
        return pooled or score.mean

    def __getitem__(self, name: str) -> Score:
        """A score by its name, as in metrics.json."""
        return next(score for score in self.scores if score.name == name)

    def write(self, **about: str) -> None:
        """Write report.html, metrics.json and per_image.csv, each whole or not at all.

        ``about``: what else the manifest keeps of this evaluation.

        Raises:
            PixelwiseError: there are such files that no evaluation wrote.
        """
        texts = (
            render(self),
            json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n",
            rows_as_csv(self.metric),
        )
        command = {"command": "evaluate", "run": self.facts["Run"], "where": self.where, **about}
        write_files(self.out, dict(zip(FILES, texts, strict=True)), command)

    def as_json(self) -> dict[str, Any]:
        """What metrics.json holds; what is not defined is null.

        ======================  ==========================================================
        ``format``              "pixelwise evaluation 1"; the number changes with the keys
        ``task``                "semantic", "instance", "panoptic" or "pose"; which ``scores``
                                there are depends on it, see `pixelwise.metrics.MEASURES`
        ``sentence``            the result in words; ``where``, ``is_unseen``, ``unit``,
                                ``num_pictures``, ``notes`` and ``facts`` as in `Evaluation`
        ``part``                "train", "val" or "test" of the run's own data; null: another folder
        ``training``            how far the run was: {"state", "stopped_early", "step", "steps",
                                "weights_step"}; of folds {"state", "folds"}
        ``scores``              {name: {"mean", "quartiles", "pooled"}}; an interval is
                                {"value", "low", "high", "num_units"}
        ``categories``          {category: {"num_pictures", "scores"}}; empty for two; of poses
                                {joint: ...}
        ``groups``              {fact: {value: {"num_pictures", "scores"}}}
        ``calibration``         {"expected_calibration_error", "confidence", "accuracy",
                                "share"}, the last three a number per bin; semantic alone
        ``confusion``           {"categories": names, "pixels": rows = truth}; semantic alone
        ``num_missed``          pictures and categories with truth or prediction alone
        ``skipped``             [{"id", "reason"}]; ``left_out``: [id]
        ``images``              id of each measured image -> hash of its file
        ======================  ==========================================================
        """
        found = {
            "format": "pixelwise evaluation 1",
            "task": self.metric.kind,
            "sentence": self.sentence,
            "where": self.where,
            "is_unseen": self.is_unseen,
            "part": self.part,
            "training": dict(self.training),
            "unit": self.unit,
            "num_pictures": self.num_pictures,
            "scores": {score.name: _score_json(score) for score in self.scores},
            "categories": _parts_json(self.categories),
            "groups": {name: _parts_json(parts) for name, parts in self.groups.items()},
            "calibration": None if self.calibration is None else asdict(self.calibration),
            "confusion": _confusion(self.metric),
            "num_missed": sum(row.is_missed for row in self.metric.rows),
            "notes": list(self.notes),
            "skipped": [asdict(skipped) for skipped in self.skipped],
            "left_out": list(self.left_out),
            "images": dict(self.images),
            "facts": dict(self.facts),
        }
        plain: dict[str, Any] = _plain(found)
        return plain


def describe(
    run: Run,
    chosen: Chosen,
    metric: Metric,
    skipped: tuple[Skipped, ...],
    gallery: tuple[Case, ...],
    out: Path,
    *,
    facts: Mapping[str, str],
) -> Evaluation:
    """Put intervals to a metric, and words to both.

    Args:
        run: what was measured. chosen: on what. metric: the counts. skipped: pictures that could
            not be measured. gallery: pictures for the report. out: folder for its files. facts:
            how it was predicted.
    """
    scores = scores_of(metric, seed=run.recipe.seed)
    unit, units = units_of(metric)
    num_units = len(set(units or metric.ids))
    return Evaluation(
        sentence=sentence_of(chosen, scores, metric, unit),
        where=chosen.where,
        is_unseen=chosen.is_unseen,
        part=chosen.part,
        training=trained.as_json(run),
        unit=unit,
        metric=metric,
        scores=scores,
        categories=metric.by_category(units, seed=run.recipe.seed),
        groups=groups_of(metric, seed=run.recipe.seed),
        calibration=_calibration(metric),
        gallery=gallery,
        histories={each.path.name: each.history for each in run.folds or (run,)},
        notes=(*_about(run), *chosen.notes, *notes_of(metric, num_units, len(skipped), unit)),
        skipped=skipped,
        left_out=chosen.left_out,
        facts={**facts, **_facts(run, chosen, metric)},
        out=out,
        images={each.id: chosen.fingerprints[each.id] for each in chosen.samples},
    )


def _about(run: Run) -> tuple[str, ...]:
    """What to know of a run that did not take all its steps."""
    said = trained.warning(run)
    return () if said is None else (said,)


def _calibration(metric: Metric) -> Reliability | None:
    if not isinstance(metric, SemanticMetric):
        return None
    histogram = metric.histogram
    return reliability(histogram.counts, histogram.confidence, histogram.correct)


def _confusion(metric: Metric) -> dict[str, Any] | None:
    if not isinstance(metric, SemanticMetric):
        return None
    names = [category.name for category in metric.categories]
    return {"categories": names, "pixels": metric.confusion}


def _facts(run: Run, chosen: Chosen, metric: Metric) -> dict[str, str]:
    """What it takes to repeat this, in the order of the report."""
    prints = {sample.id: chosen.fingerprints[sample.id] for sample in chosen.samples}
    marks = "".join(f"{name} {mark}\n" for name, mark in sorted(prints.items()))
    shown = ("python", "torch", "numpy", "pixelwise")
    versions = {name: version(name) for name in shown[1:]} | {"python": platform.python_version()}
    return {
        "Run": run.path.name,
        "Recipe": "; ".join(trained.describe(run)),
        **({"Weights": f"of {kept}"} if (kept := trained.weights_of(run)) else {}),
        "Seed": str(run.recipe.seed),
        "Learned from": f"{Path(run.recipe.data).name}, fingerprint {run.fingerprint}",
        "Measured on": f"{chosen.data.name}, fingerprint of the pictures "
        f"{hashlib.sha256(marks.encode()).hexdigest()[:16]}",
        **_pixel_size(metric),
        "Versions": ", ".join(f"{name} {versions[name]}" for name in shown),
        "Made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _pixel_size(metric: Metric) -> dict[str, str]:
    """Said where distances are measured."""
    if not isinstance(metric, SemanticMetric):
        return {}
    given = metric.pixel_mm
    return {"Pixel size": "not given" if given is None else f"{given:g} mm"}


def _score_json(score: Score) -> dict[str, Any]:
    return {
        "label": score.measure.label,
        "unit": score.measure.unit,
        "mean": asdict(score.mean),
        "quartiles": score.quartiles,
        "pooled": None if score.pooled is None else asdict(score.pooled),
    }


def _parts_json(parts: Sequence[Part]) -> dict[str, Any]:
    return {
        part.value: {
            "num_pictures": part.num_pictures,
            "scores": {name: asdict(interval) for name, interval in part.scores.items()},
        }
        for part in parts
    }


def _plain(value: Any) -> Any:
    """Arrays as lists, NaN as null, so that any JSON reader takes it."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
