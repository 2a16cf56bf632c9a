"""A metric's rows as tables with confidence intervals: per measure, per category, per group."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pixelwise.metrics import MEASURES, Metric, Part, Row, Score
from pixelwise.statistics import Interval, mean
from pixelwise.types import STRATA, TOGETHER
from pixelwise.words import cell

# More values than this, or fewer pictures for each, are no table; `per_image.csv` has them.
_MAX_GROUPS = 40
_LEAST_PICTURES = 5


def units_of(metric: Metric) -> tuple[str, list[str] | None]:
    """What is independent: "patient" (the first of `TOGETHER` that ties pictures) or "picture".

    Returns:
        its name, and for every picture the unit it belongs to; None where that is the picture. A
        picture that names no patient stands for itself.
    """
    return units_among(_facts(metric))


def units_among(facts: Mapping[str, Mapping[str, str]]) -> tuple[str, list[str] | None]:
    """The same for pictures given as {id: named facts}."""
    for name in TOGETHER:
        known = [groups[name] for groups in facts.values() if name in groups]
        if len(set(known)) < len(known):
            # The prefix keeps a picture's id from meeting a patient's name.
            units = [
                f"group {groups[name]}" if name in groups else f"picture {sample_id}"
                for sample_id, groups in facts.items()
            ]
            return name, units
    return "picture", None


def scores_of(metric: Metric, *, seed: int = 0) -> tuple[Score, ...]:
    """Every measure: its mean over pictures, and all pictures counted as one."""
    values = metric.per_picture()
    _, units = units_of(metric)
    pooled = metric.pooled(units, seed=seed)
    return tuple(
        _score(name, values.get(name), pooled.get(name), units, seed) for name in metric.names
    )


def _score(
    name: str,
    values: NDArray[np.float64] | None,
    pooled: Interval | None,
    units: Sequence[str] | None,
    seed: int,
) -> Score:
    if values is None:
        nothing = Interval(np.nan, None, None, 0)
        return Score(name, MEASURES[name], nothing, (np.nan, np.nan, np.nan), pooled)
    known = values[~np.isnan(values)]
    low, median, high = np.percentile(known, [25, 50, 75]) if len(known) else [np.nan] * 3
    average = mean(values, units, seed=seed)
    return Score(name, MEASURES[name], average, (float(low), float(median), float(high)), pooled)


def groups_of(metric: Metric, *, seed: int = 0) -> dict[str, tuple[Part, ...]]:
    """{fact: a line for each of its values}; diagnosis first.

    Facts with 2 to 40 values are shown, and, unless they are a diagnosis, only with 5 pictures or
    more for each value on average: a line per patient would say little of each.
    """
    facts = list(_facts(metric).values())
    names = {name for groups in facts for name in groups}
    tables = {}
    for name in sorted(names, key=lambda name: (name not in STRATA, name in TOGETHER, name)):
        held = np.array([groups.get(name, "(not given)") for groups in facts])
        is_full = name in STRATA or len(held) >= _LEAST_PICTURES * len(set(held))
        if is_full and 2 <= len(set(held)) <= _MAX_GROUPS:
            tables[name] = _parts(metric, held, seed)
    return tables


def rows_as_csv(metric: Metric) -> str:
    """One line for each picture and category: counts, every measure, groups as ``group_NAME``.

    Numbers are written so that reading them gives the same bits; what is not defined is empty. A
    name that a spreadsheet program would take for a formula has an apostrophe in front.
    """
    text = io.StringIO(newline="")
    groups = sorted({name for row in metric.rows for name in row.groups})
    values = metric.per_row()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["id", "category", *values, *metric.counted]
    writer.writerow([cell(head) for head in (*heads, *(f"group_{name}" for name in groups))])
    for place, row in enumerate(metric.rows):
        measured = [column[place] for column in values.values()]
        writer.writerow(
            [cell(row.id), cell(row.category)]
            + ["" if np.isnan(value) else repr(float(value)) for value in measured]
            + [_plain(getattr(row, name)) for name in metric.counted]
            + [cell(row.groups.get(name, "")) for name in groups]
        )
    return text.getvalue()


def _plain(value: object) -> object:
    """A count as a table holds it: yes and no as 1 and 0, fractions to the last bit."""
    return int(value) if isinstance(value, bool) else value


def _facts(metric: Metric) -> dict[str, Mapping[str, str]]:
    """Picture id -> its groups, in the order of the pictures."""
    first: dict[str, Row] = {}
    for row in metric.rows:
        first.setdefault(row.id, row)
    return {sample_id: row.groups for sample_id, row in first.items()}


def _parts(metric: Metric, held: NDArray[np.str_], seed: int) -> tuple[Part, ...]:
    values = metric.per_picture()
    _, units = units_of(metric)
    parts = []
    for value in sorted(set(held)):
        places = np.flatnonzero(held == value)
        tied = None if units is None else [units[place] for place in places]
        shown = {name: mean(values[name][places], tied, seed=seed) for name in metric.shown}
        parts.append(Part(str(value), len(places), shown))
    return tuple(parts)
