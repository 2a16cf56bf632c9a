"""How fast a run is, as a table, a file for other programs, and a plot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pixelwise.files import atomic, write_text
from pixelwise.manifest import own_files
from pixelwise.report.figures import AMBER, BLUE, FAINT, STYLE
from pixelwise.words import count

FILES = ("benchmark.csv", "benchmark.json", "benchmark.png")
"""What `Benchmark.write` writes."""


@dataclass(frozen=True)
class Speed:
    """One runtime and precision at one size and batch.

    ``median_s``, ``p95_s``: of a look at ``batch`` pictures; 95th percentile. ``pictures_per_s``:
    all pictures over all the time. ``peak_bytes``: most memory of a process that does nothing
    else; None where the system does not tell. ``num_looks``: that were timed.
    """

    runtime: str
    precision: str
    size_hw: tuple[int, int]
    batch: int
    median_s: float
    p95_s: float
    pictures_per_s: float
    peak_bytes: int | None
    num_looks: int

    @property
    def setting(self) -> tuple[tuple[int, int], int]:
        """What it is compared within."""
        return self.size_hw, self.batch


@dataclass(frozen=True)
class Benchmark:
    """A run's speeds, setting by setting, and what they were measured on.

    ``machine``: name -> value, see `machine.describe`. ``left_out``: a sentence for each runtime
    that could not be measured. ``out``: the folder of the files.
    """

    speeds: tuple[Speed, ...]
    machine: Mapping[str, str]
    left_out: tuple[str, ...]
    out: Path

    def write(self) -> None:
        """Write benchmark.csv, benchmark.json and benchmark.png."""
        facts = {"machine": self.machine, "left_out": self.left_out}
        table, about, plot = FILES
        with own_files(self.out, FILES, {"command": "benchmark"}) as place:
            write_text(place / table, as_csv(self.speeds))
            write_text(place / about, json.dumps(facts, indent=1) + "\n")
            draw(self.speeds, place / plot)


def as_csv(speeds: Sequence[Speed]) -> str:
    """A line for each speed; milliseconds, pixels, MiB."""
    text = io.StringIO(newline="")
    rows = [_fields(each) for each in speeds]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _fields(speed: Speed) -> dict[str, object]:
    return {
        "runtime": speed.runtime,
        "precision": speed.precision,
        "height": speed.size_hw[0],
        "width": speed.size_hw[1],
        "batch": speed.batch,
        "median_ms": f"{1000 * speed.median_s:.4g}",
        "p95_ms": f"{1000 * speed.p95_s:.4g}",
        "pictures_per_s": f"{speed.pictures_per_s:.4g}",
        "peak_mib": _mib(speed.peak_bytes),
        "num_looks": speed.num_looks,
    }


def render(benchmark: Benchmark) -> Group:
    """The machine, a table for each setting, and what was left out, for a terminal."""
    facts = ", ".join(f"{name} {value}" for name, value in benchmark.machine.items())
    tables = [_table(found) for _, found in _by_setting(benchmark.speeds)]
    return Group(Text(facts), *tables, *map(Text, benchmark.left_out))


def _table(speeds: Sequence[Speed]) -> Table:
    """The fastest first."""
    table = Table(title=_words(speeds[0]), title_justify="left", title_style="bold")
    for head in ("", "median ms", "95 % ms", "pictures/s", "x torch", "peak MiB"):
        table.add_column(head, justify="right" if head else "left")
    torch_s = next((each.median_s for each in speeds if each.runtime == "torch"), None)
    for each in sorted(speeds, key=lambda each: each.median_s):
        table.add_row(
            f"{each.runtime} {each.precision}",
            f"{1000 * each.median_s:.2f}",
            f"{1000 * each.p95_s:.2f}",
            f"{each.pictures_per_s:.1f}",
            f"{torch_s / each.median_s:.2f}" if torch_s else "",
            _mib(each.peak_bytes),
        )
    return table


def _words(speed: Speed) -> str:
    """The setting, for people; the width first."""
    height, width = speed.size_hw
    return f"{width} x {height}, {count(speed.batch, 'picture')} at a time"


@rc_context(STYLE)
def draw(speeds: Sequence[Speed], path: Path) -> None:
    """A panel for each setting: medians as bars, up to the 95th percentile as lines."""
    panels = list(_by_setting(speeds))
    rows = max(len(found) for _, found in panels)
    figure = Figure(figsize=(6.4, 0.3 + len(panels) * (0.34 * rows + 0.8)), layout="constrained")
    columns = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, (_, found) in zip(columns, panels, strict=True):
        _panel(axes, found)
    columns[-1].set_xlabel("milliseconds: median, and up to the 95th percentile")
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _panel(axes: Axes, speeds: Sequence[Speed]) -> None:
    found = sorted(speeds, key=lambda each: -each.median_s)
    places = range(len(found))
    middles = [1000 * each.median_s for each in found]
    beyond = [1000 * (each.p95_s - each.median_s) for each in found]
    colors = [AMBER if each.runtime == "torch" else BLUE for each in found]
    whiskers = {"ecolor": FAINT, "capsize": 3}
    axes.barh(places, middles, color=colors, xerr=[[0.0] * len(found), beyond], error_kw=whiskers)
    axes.set_yticks(places, [f"{each.runtime} {each.precision}" for each in found])
    axes.set_xlim(left=0)
    axes.set_title(_words(found[0]), fontsize=11)


def _by_setting(
    speeds: Sequence[Speed],
) -> Iterator[tuple[tuple[tuple[int, int], int], list[Speed]]]:
    for setting, found in groupby(speeds, key=lambda each: each.setting):
        yield setting, list(found)


def _mib(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / 2**20:.0f}"
