"""Who outlines objects best: tables, the numbers behind them, and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from contestants._job import Case
from field import OURS
from instances._files import read_ids, read_image
from matching import PERCENTS, average_precision, count, panoptic_quality, ratio
from outcome import Outcome
from pixelwise.draw import PREDICTION, TRUTH, contact_sheet, write_png
from pixelwise.files import write_text
from pixelwise.statistics import Interval, bootstrap, mean, paired_difference
from pixelwise.types import Image

_HEAD = (
    "contestant",
    "AP at IoU 0.5",
    "ours ahead by",
    "PQ",
    "ours ahead by",
    "AP, pooled",
    "PQ, pooled",
    "AP over 0.5 to 0.95",
    "s learned",
    "steps",
    "s a step",
    "pictures/s predicting",
    "peak memory, MB",
)
_SHOWN = 6
_WINDOW_PX = 256
_TILE_PX = 512


def sums_of(outcome: Outcome) -> dict[str, NDArray[np.float64]]:
    """What was counted in each picture, (pictures,) in the order of the ids; see `matching`."""
    names = next(iter(outcome.folds[0].scores["1"].values()))
    return {name: outcome.values(name) for name in names}


def mean_precision(outcome: Outcome) -> NDArray[np.float64]:
    """(pictures,) the average precision, averaged over the thresholds from 0.5 to 0.95."""
    sums = sums_of(outcome)
    return np.mean([ratio(average_precision(sums, percent)) for percent in PERCENTS], axis=0)


def measures_of(outcome: Outcome) -> dict[str, Interval]:
    """Every measure with its interval: means over pictures, and pooled over all their objects."""
    sums = sums_of(outcome)
    precision, quality = average_precision(sums), panoptic_quality(sums)
    found = {
        "ap": mean(ratio(precision)),
        "ap_pooled": bootstrap(*precision),
        "pq": mean(ratio(quality)),
        "pq_pooled": bootstrap(*quality),
        "ap_50_to_95": mean(mean_precision(outcome)),
    }
    return found | {
        f"ap_{percent}": mean(ratio(average_precision(sums, percent))) for percent in PERCENTS
    }


def ours_ahead(ours: Outcome, other: Outcome) -> dict[str, Interval]:
    """By how much ours is better, picture by picture."""
    a, b = sums_of(ours), sums_of(other)
    pairs = {
        "ap": (ratio(average_precision(a)), ratio(average_precision(b))),
        "pq": (ratio(panoptic_quality(a)), ratio(panoptic_quality(b))),
        "ap_50_to_95": (mean_precision(ours), mean_precision(other)),
    }
    return {name: paired_difference(*pair) for name, pair in pairs.items()}


def table(outcomes: Sequence[Outcome]) -> str:
    """Everyone, and against ours where it took part, as Markdown."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    for outcome in outcomes:
        found, ahead = measures_of(outcome), _ahead(outcomes, outcome)
        cells = (
            outcome.entry.name,
            found["ap"].words(),
            ahead["ap"].words() if ahead else "",
            found["pq"].words(),
            ahead["pq"].words() if ahead else "",
            found["ap_pooled"].words(),
            found["pq_pooled"].words(),
            found["ap_50_to_95"].words(),
            *(_number(outcome.average(name)) for name in ("learned_s", "num_steps")),
            _number(outcome.average("seconds_per_step"), digits=2),
            _number(outcome.average("predicting_pictures_per_s")),
            _number(outcome.peak_mb),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table_by_threshold(outcomes: Sequence[Outcome]) -> str:
    """The mean AP over pictures at each threshold on the IoU, as Markdown."""
    heads = ["AP at IoU", *(f"{percent / 100:.2f}" for percent in PERCENTS)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for outcome in outcomes:
        found = measures_of(outcome)
        numbers = [f"{found[f'ap_{percent}'].value:.3f}" for percent in PERCENTS]
        lines.append("| " + " | ".join([outcome.entry.name, *numbers]) + " |")
    return "\n".join(lines)


def write(
    outcomes: Sequence[Outcome],
    text: str,
    cases: Sequence[Case],
    found: Mapping[str, Mapping[str, Path]],
    folder: Path,
) -> None:
    """table.md, results.json (every fold and picture) and sheet.png, each whole or not at all.

    Args:
        found: contestant -> picture -> file of what it found there.
    """
    write_text(folder / "table.md", text)
    results = []
    for outcome in outcomes:
        ahead = _ahead(outcomes, outcome)
        results.append(
            {
                "entry": asdict(outcome.entry),
                "measures": {name: asdict(each) for name, each in measures_of(outcome).items()},
                "ours_ahead_by": {name: asdict(each) for name, each in ahead.items()},
                "folds": [asdict(fold) for fold in outcome.folds],
            }
        )
    write_text(folder / "results.json", json.dumps(results, indent=1) + "\n")
    shown = pick(outcomes, _SHOWN)
    by_id = {case.id: case for case in cases}
    write_png(folder / "sheet.png", sheet([by_id[name] for name in shown], found))


def pick(outcomes: Sequence[Outcome], most: int) -> list[str]:
    """Pictures to show: evenly from where the first two differ most one way to the other way."""
    ids = sorted(name for fold in outcomes[0].folds for name in fold.scores["1"])
    values = [ratio(average_precision(sums_of(outcome))) for outcome in outcomes[:2]]
    order = np.argsort(values[-1] - values[0], kind="stable")
    places = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
    return [ids[order[place]] for place in places]


def sheet(cases: Sequence[Case], found: Mapping[str, Mapping[str, Path]]) -> Image:
    """A row a picture: where it is fullest, the truth outlined, and what everyone found."""
    tiles, captions = [], []
    for case in cases:
        image, truth = read_image(case.image), read_ids(case.mask)
        window = fullest(truth)
        tiles.append(outlined(image[window], truth[window], TRUTH))
        captions.append(f"{case.id}: {len(np.unique(truth[truth > 0]))} objects")
        for name, paths in found.items():
            ids = read_ids(paths[case.id])
            precision = float(ratio(average_precision(count(truth, ids))))
            tiles.append(outlined(image[window], ids[window], PREDICTION))
            captions.append(f"{name}: AP {precision:.2f}")
    return contact_sheet(tiles, captions, columns=1 + len(found), tile_px=_TILE_PX)


def fullest(ids: NDArray[np.int32]) -> tuple[slice, slice]:
    """The rows and columns of the window, as large as is shown, with most of the objects' area."""
    height, width = (min(side, _WINDOW_PX) for side in ids.shape)
    is_object = (ids > 0).astype(np.float32)
    share = cv2.boxFilter(is_object, -1, (width, height), anchor=(0, 0))
    share = share[: ids.shape[0] - height + 1, : ids.shape[1] - width + 1]
    top, left = np.unravel_index(share.argmax(), share.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def outlined(image: Image, ids: NDArray[np.int32], color: tuple[int, int, int]) -> Image:
    """A picture enlarged to a tile, with a line round each object, inside of it."""
    zoom = max(1, _TILE_PX // max(ids.shape))
    size_wh = (ids.shape[1] * zoom, ids.shape[0] * zoom)
    drawn = cv2.resize(image, size_wh, interpolation=cv2.INTER_CUBIC)
    near = cv2.resize(ids.astype(np.float32), size_wh, interpolation=cv2.INTER_NEAREST)
    kernel = np.ones((3, 3), np.uint8)
    is_border = (cv2.dilate(near, kernel) != near) | (cv2.erode(near, kernel) != near)
    drawn[is_border & (near > 0)] = color
    return np.asarray(drawn, np.uint8)


def _ahead(outcomes: Sequence[Outcome], outcome: Outcome) -> dict[str, Interval]:
    ours = outcomes[0]
    return ours_ahead(ours, outcome) if ours.entry.name == OURS.name and outcome is not ours else {}


def _number(value: float, digits: int = 1) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.{digits}f}"
