"""Comparing: is the difference between two evaluations real?"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.table import Table

from pixelwise.evaluated import notes_about, other_images, read_about, refuse_training_images
from pixelwise.metrics import MEASURES, Measure
from pixelwise.places import did_you_mean, is_run
from pixelwise.statistics import Interval, mean, paired_difference, permutation_test
from pixelwise.tables import units_among
from pixelwise.types import PixelwiseError
from pixelwise.words import count

Floats = NDArray[np.float64]
_SURE = 0.05


@dataclass(frozen=True)
class Difference:
    """One measure of two evaluations over the images where both have it.

    ``a``, ``b``: means over these ``num_images``. ``difference``: of a - b, paired. ``p``: of a
    two-sided sign-flip permutation test of "no difference".
    """

    name: str
    measure: Measure
    a: Interval
    b: Interval
    difference: Interval
    p: float
    num_images: int


@dataclass(frozen=True)
class Comparison:
    """Two evaluations, picture by picture.

    ``names``: of a and b. ``num_shared``: pictures both measured; ``num_only_a``, ``num_only_b``:
    left out. ``unit``: what intervals and test draw ("picture", "patient"). ``notes``: sentences a
    reader of the numbers must know. ``where``: what a and b were measured on, such as "the run's
    test part"; None where the evaluation does not say.
    """

    names: tuple[str, str]
    differences: tuple[Difference, ...]
    num_shared: int
    num_only_a: int
    num_only_b: int
    unit: str
    notes: tuple[str, ...]
    where: tuple[str | None, str | None] = (None, None)

    @property
    def measured_on(self) -> str | None:
        """What the two were measured on, a sentence; None where neither evaluation says."""
        a, b = self.where
        if a == b:
            return None if a is None else f"Both were measured on {a}."
        return " ".join(
            f"{name} was measured on {where or 'images that its evaluation does not name'}."
            for name, where in zip(self.names, self.where, strict=True)
        )

    @property
    def sentence(self) -> str:
        """The result as a paper can print it."""
        first, second = self.differences[:2]
        a, b = self.names
        left_out = self.num_only_a + self.num_only_b
        apart = f" ({left_out} that only one of them measured were left out)" if left_out else ""
        units = first.difference.num_units
        return (
            f"On the {first.num_images} shared pictures{apart}, the mean {first.measure.phrase} "
            f"was {first.a.value:.3f} with {a} and {first.b.value:.3f} with {b}, "
            f"a difference of {_words(first)}; for the {second.measure.phrase} it was "
            f"{_words(second)}. "
            f"{self._verdict(first)} Paired bootstrap and two-sided sign-flip permutation test "
            f"over {units} {self.unit}{'' if units == 1 else 's'}."
        )

    def _verdict(self, first: Difference) -> str:
        if first.num_images == 0:
            return "No image has this measure in both, so nothing can be compared."
        if 2 ** (1 - first.difference.num_units) >= _SURE:
            return f"So few {self.unit}s cannot tell a difference from chance, however large."
        if first.p >= _SURE:
            return "That is not more than chance may give."
        better = self.names[0] if first.difference.value > 0 else self.names[1]
        return f"That is more than chance gives, in favour of {better}."


def compare(
    run_a: str | Path, run_b: str | Path, *, seed: int = 0, training_images: bool = False
) -> Comparison:
    """Compare two evaluations over the pictures both measured.

    Args:
        run_a, run_b: folders that hold a per_image.csv: evaluated runs, or other folders that an
            evaluation was written to.
        seed: of the drawing.
        training_images: compare although a run was measured on the images it was trained on.

    Raises:
        PixelwiseError: not evaluated yet, no shared picture, other masks in the two, or a run was
            measured on the images it was trained on.
    """
    a, b = _Evaluated.read(Path(run_a)), _Evaluated.read(Path(run_b))
    about = read_about(Path(run_a)), read_about(Path(run_b))
    names = _names(Path(run_a), Path(run_b))
    if not training_images:
        refuse_training_images((str(run_a), str(run_b)), about)
    shared = [name for name in a.scores if name in b.scores]
    other = other_images(about, shared)
    if shared and len(other) == len(shared):
        raise PixelwiseError(
            f"{run_a} and {run_b} were evaluated on different images of the same names, for "
            f"example {other[0]}. Evaluate both on the same folder first: pixelwise evaluate RUN "
            "DATA --out FOLDER."
        )
    shared = [name for name in shared if name not in set(other)]
    if not shared:
        raise PixelwiseError(
            f"{run_a} and {run_b} were evaluated on different pictures: not one id is shared. "
            "Evaluate both on the same folder first: pixelwise evaluate RUN DATA --out FOLDER."
        )
    unit, units = units_among({sample_id: a.facts[sample_id] for sample_id in shared})
    both = [name for name in MEASURES if name in a.measures and name in b.measures]
    if not both:
        raise PixelwiseError(
            f"{run_a} and {run_b} were measured by different measures ({a.measures[0]}, ...; "
            f"{b.measures[0]}, ...): they are of different tasks. Compare two runs of one task."
        )
    return Comparison(
        names=names,
        differences=tuple(_difference(name, a, b, shared, units, seed) for name in both),
        num_shared=len(shared),
        num_only_a=len(a.scores) - len(shared),
        num_only_b=len(b.scores) - len(shared),
        unit=unit,
        notes=(*_notes_on_images(other), *_notes(a, b, shared), *notes_about(names, about)),
        where=(about[0].where, about[1].where),
    )


def render(comparison: Comparison) -> Group:
    """The comparison for a terminal: what to quote, what to know, and the table."""
    a, b = comparison.names
    table = Table()
    for head in ("", "images", a, b, "difference, 95 % interval", "p"):
        table.add_column(head, justify="left" if not head else "right")
    for line in comparison.differences:
        digits = line.measure.digits
        unit = f", {line.measure.unit}" if line.measure.unit else ""
        table.add_row(
            line.measure.label + unit,
            str(line.num_images),
            f"{line.a.value:.{digits}f}",
            f"{line.b.value:.{digits}f}",
            line.difference.words(digits),
            _p(line.p).removeprefix("p = ").removeprefix("p "),
        )
    on = [] if comparison.measured_on is None else [comparison.measured_on]
    return Group(comparison.sentence, *on, *comparison.notes, table)


@dataclass(frozen=True)
class _Evaluated:
    """A per_image.csv: per picture its scores, its facts, and how much the truth has.

    ``truth_size``: picture -> category -> pixels, or segments or people where those were measured.
    """

    measures: tuple[str, ...]
    scores: Mapping[str, Mapping[str, float]]
    facts: Mapping[str, Mapping[str, str]]
    truth_size: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, folder: Path) -> _Evaluated:
        path = folder if folder.suffix == ".csv" else folder / "per_image.csv"
        if not folder.exists():
            raise PixelwiseError(
                f"{folder} does not exist. The folder of an evaluated run is expected."
                f"{did_you_mean(folder)}"
            )
        if not path.is_file() and not is_run(folder):
            raise PixelwiseError(
                f"{folder} is not a run and holds no per_image.csv, which `pixelwise evaluate` "
                "writes. Give two folders of runs or of evaluations: pixelwise compare RUN_A RUN_B"
            )
        if not path.is_file():
            raise PixelwiseError(
                f"{folder} holds no per_image.csv. Measure it first: pixelwise evaluate {folder}"
            )
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return cls._of(rows)
        except (KeyError, ValueError, TypeError) as error:
            raise PixelwiseError(
                f"{path} is not a table of pixelwise ({error!r}). Evaluate the run again."
            ) from None

    @classmethod
    def _of(cls, rows: Sequence[Mapping[str, str]]) -> _Evaluated:
        measures = tuple(name for name in MEASURES if rows and name in rows[0])
        by_id: dict[str, list[Mapping[str, str]]] = {}
        for row in rows:
            by_id.setdefault(row["id"], []).append(row)
        if rows and not measures:
            raise KeyError("jaccard")
        return cls(
            measures,
            {name: {m: _score(lines, m) for m in measures} for name, lines in by_id.items()},
            {name: _facts(lines[0]) for name, lines in by_id.items()},
            {
                name: {line["category"]: int(line["tp"]) + int(line["fn"]) for line in lines}
                for name, lines in by_id.items()
            },
        )


def _score(lines: Sequence[Mapping[str, str]], name: str) -> float:
    """A picture's score: the mean, or the sum, over its categories where it is defined."""
    values = [float(line[name]) for line in lines if line[name] != ""]
    whole = np.sum if MEASURES[name].is_summed else np.mean
    return float(whole(values)) if values else float("nan")


def _facts(line: Mapping[str, str]) -> dict[str, str]:
    groups = {name: value for name, value in line.items() if name.startswith("group_")}
    return {name.removeprefix("group_"): value for name, value in groups.items() if value}


def _difference(
    name: str,
    a: _Evaluated,
    b: _Evaluated,
    shared: Sequence[str],
    units: Sequence[str] | None,
    seed: int,
) -> Difference:
    first, second = (
        np.array([each.scores[sample_id][name] for sample_id in shared]) for each in (a, b)
    )
    # Three numbers over one set of images: what one of them has not is left out of all three.
    there = ~np.isnan(first - second)
    first, second = first[there], second[there]
    if units is not None:
        units = [unit for unit, is_there in zip(units, there, strict=True) if is_there]
    return Difference(
        name,
        MEASURES[name],
        mean(first, units, seed=seed),
        mean(second, units, seed=seed),
        paired_difference(first, second, units, seed=seed),
        permutation_test(first - second, units, seed=seed),
        int(there.sum()),
    )


def _notes(a: _Evaluated, b: _Evaluated, shared: Sequence[str]) -> tuple[str, ...]:
    """What a reader of the numbers must know."""
    return (*_notes_on_truth(a, b, shared), *_notes_on_undefined(a, b, shared))


def _notes_on_images(other: Sequence[str]) -> tuple[str, ...]:
    if not other:
        return ()
    return (
        f"{count(len(other), 'image')} ({', '.join(other[:3])}{', ...' if len(other) > 3 else ''}) "
        "left out: the two evaluations measured different files of that name.",
    )


def _notes_on_undefined(a: _Evaluated, b: _Evaluated, shared: Sequence[str]) -> Iterator[str]:
    """A model that finds more has more that can be wrong: what is measured of it is harder."""
    partial = []
    for name in (name for name in a.measures if name in b.measures):
        known = [{i for i in shared if not np.isnan(each.scores[i][name])} for each in (a, b)]
        if known[0] != known[1]:
            partial.append(f"{MEASURES[name].short} {len(known[0])} and {len(known[1])}")
    if partial:
        yield (
            f"Not every image has every measure ({', '.join(partial[:4])}"
            f"{', ...' if len(partial) > 4 else ''}); each line is over the images where both "
            "evaluations have it, and says how many these are."
        )


def _notes_on_truth(a: _Evaluated, b: _Evaluated, shared: Sequence[str]) -> tuple[str, ...]:
    """Pictures whose truth has other sizes in the two were not judged by the same truth."""
    other = [name for name in shared if not _agree(a.truth_size[name], b.truth_size[name])]
    if not other:
        return ()
    return (
        f"The annotations of {len(other)} shared pictures differ between the two evaluations "
        f"({', '.join(other[:3])}{', ...' if len(other) > 3 else ''}): not the same truth.",
    )


def _agree(a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    """Whether every category has as much in both; one without a line has none."""
    return all(a.get(name, 0) == b.get(name, 0) for name in {*a, *b})


def _names(a: Path, b: Path) -> tuple[str, str]:
    """The shortest endings of the two folders that differ."""
    a, b = (path.parent if path.suffix == ".csv" else path for path in (a, b))
    first, second = a.resolve().parts, b.resolve().parts
    for length in range(1, max(len(first), len(second))):
        if first[-length:] != second[-length:]:
            return "/".join(first[-length:]), "/".join(second[-length:])
    return a.name, b.name


def _words(line: Difference) -> str:
    found = line.difference
    words = found.words().replace("(", "(95 % confidence interval ", found.low is not None)
    return f"{words}, {_p(line.p)}"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
