"""An evaluation as one HTML file that opens anywhere, offline."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pixelwise import draw
from pixelwise.report import figures
from pixelwise.tables import MEASURES, group_scores
from pixelwise.types import Image

if TYPE_CHECKING:
    from pixelwise.report import Evaluation

# More rows than this make a slow page; per_image.csv has them all.
_MAX_ROWS = 300
_JPEG_QUALITY = 85


def render(evaluation: Evaluation) -> str:
    """The report: text, tables and pictures, everything inside the one file."""
    jaccard = evaluation.metric.per_picture()["jaccard"]
    curves = figures.learning(evaluation.histories)
    shown = group_scores(evaluation.metric)
    return _template("evaluation.html").render(
        evaluation=evaluation,
        shown=[(name, MEASURES[name]) for name in shown],
        measures=MEASURES,
        rows=list(_rows(evaluation)),
        gallery=[(case, _jpeg(case.drawn)) for case in evaluation.gallery],
        distribution=_figure(figures.distribution(jaccard, evaluation.headline)),
        calibration=_figure(figures.calibration(evaluation.calibration)),
        learning=None if curves is None else _figure(curves),
        truth=draw.TRUTH,
        prediction=draw.PREDICTION,
    )


@cache
def _template(name: str) -> Template:
    # Ids and groups come from files: everything is escaped, and a missing name is an error.
    environment = Environment(
        loader=PackageLoader("pixelwise", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, dict[str, float], str]]:
    """The worst pictures' ids, scores and groups, at most `_MAX_ROWS`."""
    ids, values = evaluation.metric.ids, evaluation.metric.per_picture()
    groups = {row.id: row.groups for row in evaluation.metric.rows}
    for place in np.argsort(values["jaccard"], kind="stable")[:_MAX_ROWS]:
        scores = {name: float(values[name][place]) for name in group_scores(evaluation.metric)}
        yield ids[place], scores, ", ".join(groups[ids[place]].values())


def _figure(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _jpeg(image: Image) -> str:
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
