"""An evaluation as one HTML file that opens anywhere, offline."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pixelwise.metrics import MEASURES
from pixelwise.metrics.detections import IOUS
from pixelwise.metrics.poses import PoseMetric
from pixelwise.metrics.segments import InstanceMetric
from pixelwise.report import figures
from pixelwise.report.gallery import legend
from pixelwise.report.words import terms_of
from pixelwise.types import Image
from pixelwise.words import visible

if TYPE_CHECKING:
    from pixelwise.report import Evaluation

# More rows than this make a slow page; per_image.csv has them all.
_MAX_ROWS = 300
_JPEG_QUALITY = 85


def render(evaluation: Evaluation) -> str:
    """The report: text, tables and pictures, everything inside the one file."""
    metric = evaluation.metric
    scores = {score.name: score for score in evaluation.scores}
    return _template("evaluation.html").render(
        evaluation=evaluation,
        headline=MEASURES[metric.headline],
        sections={
            title: [scores[name] for name in names] for title, names in metric.sections.items()
        },
        shown=[(name, MEASURES[name]) for name in metric.shown],
        measures=MEASURES,
        rows=list(_rows(evaluation)),
        gallery=[(case, _jpeg(case.drawn)) for case in evaluation.gallery],
        legend=legend(metric.kind),
        terms=terms_of(metric.kind),
        figures=list(_figures(evaluation)),
    )


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Each figure as a picture's address, what it shows, and its caption."""
    metric = evaluation.metric
    first = metric.shown[0]
    name, values = MEASURES[first].phrase, metric.per_picture()[first]
    yield (
        _figure(figures.distribution(values, evaluation[first].mean, name)),
        f"Histogram of the {name} of every picture",
        f"Every picture's {name}. The band is the interval of the mean.",
    )
    if evaluation.calibration is not None:
        yield (
            _figure(figures.calibration(evaluation.calibration)),
            "Calibration curve",
            "Can its confidence be believed? Above the dashed line it is too modest, below it too "
            "sure. Expected calibration error "
            f"{evaluation.calibration.expected_calibration_error:.3f}; dots are as large as their "
            "share of the pixels.",
        )
    if isinstance(metric, InstanceMetric | PoseMetric):
        yield from _figures_of_the_counted(metric)
    curves = figures.learning(evaluation.histories)
    if curves is not None:
        each = ", a line for each fold" if len(evaluation.histories) > 1 else ""
        yield (
            _figure(curves),
            "Loss and validation score against the step",
            f"How it learned{each}.",
        )


def _figures_of_the_counted(
    metric: InstanceMetric | PoseMetric,
) -> Iterator[tuple[str, str, str]]:
    terms = terms_of(metric.kind)
    units = terms.units
    yield (
        _figure(figures.counts(*metric.counts_per_picture(), units)),
        f"{units.capitalize()} found against {units} there are, a dot for each picture",
        f"Does it count right? Every picture's number of {units}; crowds are not counted. On the "
        "dashed line it is right.",
    )
    levels = {level: metric.precision_curve(level) for level in (0, 5, 8)}
    curves = {f"{terms.likeness} {IOUS[level]:.2f}": each for level, each in levels.items()}
    if not np.isnan(levels[0]).all():
        yield (
            _figure(figures.precision_recall(curves)),
            "Precision against recall",
            f"Which score to ask for: the surest {terms.ranked} stand on the left, and each step "
            "to the right takes in less sure ones. The area below a line is its average "
            "precision.",
        )


@cache
def _template(name: str) -> Template:
    # Ids and groups come from files: everything is escaped, and a missing name is an error.
    environment = Environment(
        loader=PackageLoader("pixelwise", "report"),
        autoescape=True,
        finalize=_without_codes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, dict[str, float], str]]:
    """The worst pictures' ids, scores and groups, at most `_MAX_ROWS`."""
    ids, values = evaluation.metric.ids, evaluation.metric.per_picture()
    groups = {row.id: row.groups for row in evaluation.metric.rows}
    order = np.argsort(values[evaluation.metric.shown[0]], kind="stable")
    for place in order[:_MAX_ROWS]:
        scores = {name: float(values[name][place]) for name in evaluation.metric.shown}
        yield ids[place], scores, ", ".join(groups[ids[place]].values())


def _without_codes(value: object) -> object:
    """What the page shows of a value; texts may come from names of files."""
    return visible(value, keep="\n\t") if type(value) is str else value


def _figure(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _jpeg(image: Image) -> str:
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
