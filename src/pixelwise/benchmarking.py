"""How fast a run is: by runtime, precision, size of the picture and pictures at a time.

What is timed is the network: pictures of the working size in (uint8), maps out. Reading pictures
and decoding maps, which are the same for all, are not in it, nor are mirror images.

For each size and batch every contestant has a process of its own, so that its memory is its own,
and they take turns, so that what else the machine does meets all alike.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

from pixelwise import machine
from pixelwise.builtin import NEVI
from pixelwise.exported import exported_file, file_name
from pixelwise.files import WriteError, refuse_unwritable
from pixelwise.find import find, names
from pixelwise.manifest import refuse_foreign
from pixelwise.progress import Progress
from pixelwise.report.speed import FILES, Benchmark, Speed
from pixelwise.run import Run, open_run
from pixelwise.runtimes import LIBRARIES, known_speeds
from pixelwise.stopwatch import Job, Stopwatch
from pixelwise.types import PixelwiseError
from pixelwise.words import count

BATCHES = (1, 8)
_TURNS = 12
# A turn is so long that waking up does not count, and so short that turns are near each other.
_TURN_S = 0.15
_LOOKS_A_TURN = (2, 20)
# Distributions whose version a time depends on.
_LIBRARIES = ("pixelwise", "torch", "onnxruntime", "openvino", "tensorflow", "tensorflow-cpu")
_SIDES = (32, 4096)


@dataclass(frozen=True)
class Contestant:
    """A runtime, a precision, and the run's folder or exported file that it opens."""

    runtime: str
    precision: str
    path: Path
    is_dynamic: bool = True

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.runtime} {self.precision}"


@dataclass(frozen=True)
class Setting:
    """A size and a number of pictures at a time."""

    size_hw: tuple[int, int]
    batch: int
    is_working_size: bool

    @property
    def words(self) -> str:
        """For people, the width first."""
        height, width = self.size_hw
        return f"{width} x {height}, {count(self.batch, 'picture')} at a time"


def benchmark(
    run: str | Path | None = None,
    *,
    sizes: Sequence[int] | None = None,
    batches: Sequence[int] | None = None,
    runtimes: Sequence[str] | None = None,
    out: str | Path | None = None,
    data: str | Path | None = None,
) -> Benchmark:
    """Measure how fast a run's network is, and write benchmark.csv, .json and .png.

    Exported files are those in RUN/exports; what is not there is exported, proven, into a
    temporary folder. What cannot be exported or opened is named and left out. Of a cross-validation
    the first fold is timed: an ensemble takes as many times as long as it has folds.

    Args:
        run: folder of the run; None for the built-in model.
        sizes: sides of square pictures in pixels; None: the run's working size.
        batches: pictures at a time; None: 1 and 8.
        runtimes: "torch" and names of formats, such as "onnx"; None: all.
        out: folder to write to; None: RUN/benchmark, and ``benchmark`` for the built-in model.
        data: folder that int8 takes its calibration pictures from; None: the run's own.

    Raises:
        PixelwiseError: no run; a size, batch or runtime that cannot be.
    """
    opened = open_run(NEVI if run is None else run)
    part = opened.folds[0] if opened.recipe.folds else opened
    settings = _settings(part, sizes, batches)
    asked = _asked(runtimes)
    # Not among the installed files, where the built-in model lies.
    folder = _writable(Path(out) if out else (opened.path if run else Path()) / "benchmark")
    refuse_foreign(folder, FILES)
    left_out: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pixelwise-") as temporary:
        contestants = list(_contestants(part, asked, Path(temporary), data, left_out))
        speeds = _measure(contestants, settings, left_out)
    _write_down(part, speeds)
    if not speeds:
        raise PixelwiseError(f"Nothing could be timed. {' '.join(left_out)}")
    facts = machine.describe(_LIBRARIES, torch.get_num_threads())
    result = Benchmark(tuple(speeds), facts, tuple(dict.fromkeys(left_out)), folder)
    result.write()
    return result


def _writable(folder: Path) -> Path:
    """A folder that takes files: found out before minutes of measuring."""
    try:
        refuse_unwritable(folder)
    except WriteError as error:
        raise PixelwiseError(
            f"{folder} cannot be written to: {error.reason}. Name another one with --out."
        ) from None
    return folder


def _write_down(run: Run, speeds: Sequence[Speed]) -> None:
    """Let `runtimes` know what it would have measured itself, where torch was there to compare."""
    seconds = {
        each.runtime: each.median_s
        for each in speeds
        if each.runtime in ("torch", *LIBRARIES) and each.precision == "float32"
        if each.setting == (run.recipe.size_hw, 1)
    }
    if "torch" in seconds:
        known_speeds(run).measured(seconds)


def _settings(
    run: Run, sizes: Sequence[int] | None, batches: Sequence[int] | None
) -> list[Setting]:
    """Sizes and batches to measure at, small ones first."""
    low, high = _SIDES
    for side in sizes or ():
        if not low <= side <= high:
            raise PixelwiseError(f"--sizes are between {low} and {high} pixels, not {side}.")
    for batch in batches or ():
        if not 1 <= batch <= 1024:
            raise PixelwiseError(f"--batches are between 1 and 1024 pictures, not {batch}.")
    working = run.recipe.size_hw
    sizes_hw = [(side, side) for side in sorted(set(sizes))] if sizes else [working]
    return [
        Setting(size_hw, batch, size_hw == working)
        for size_hw, batch in product(sizes_hw, sorted(set(batches or BATCHES)))
    ]


def _asked(runtimes: Sequence[str] | None) -> list[str]:
    choices = ["torch", *names("formats")]
    for name in runtimes or ():
        if name not in choices:
            raise PixelwiseError(f"No runtime is called '{name}'. There are: {', '.join(choices)}.")
    return [name for name in choices if runtimes is None or name in runtimes]


def _contestants(
    run: Run, asked: Sequence[str], folder: Path, data: str | Path | None, left_out: list[str]
) -> Iterator[Contestant]:
    """Those there are, each with its file; a sentence for each that there is not."""
    wanted = [
        (name, precision)
        for name in asked
        for precision in (("float32",) if name == "torch" else find("formats", name).PRECISIONS)
    ]
    with Progress("exporting", len(wanted)) as bar:
        for done, (name, precision) in enumerate(wanted, start=1):
            if name == "torch":
                yield Contestant(name, precision, run.path)
            else:
                try:
                    path = _file(run, name, precision, folder, data)
                    is_dynamic: bool = find("formats", name).IS_DYNAMIC
                    yield Contestant(name, precision, path, is_dynamic)
                except PixelwiseError as error:
                    left_out.append(f"{name} {precision} is left out: {error}")
            bar.at(done, words=f"{name} {precision}")


def _file(run: Run, to: str, precision: str, folder: Path, data: str | Path | None) -> Path:
    """The file of a runtime: the run's own, or a new one in a temporary folder."""
    from pixelwise.exporting import export

    there = exported_file(run, to, precision)
    if there is not None:
        return there
    path = folder / to / file_name(to, precision)
    export(run, to, precision=precision, out=path, data=data)
    return path


def _measure(
    contestants: Sequence[Contestant], settings: Sequence[Setting], left_out: list[str]
) -> list[Speed]:
    """Every contestant at every setting it can take."""
    speeds: list[Speed] = []
    with Progress("timing", len(settings) * _TURNS) as bar:
        for number, setting in enumerate(settings):
            first = number * _TURNS
            bar.at(first, words=setting.words)
            with ExitStack() as stack:
                clocks = _start(contestants, setting, stack, left_out)
                times = _in_turns(clocks, setting, left_out, partial(_advance, bar, first))
                speeds += [_speed(who, setting, times[who], clocks[who]) for who in clocks]
    return speeds


def _advance(bar: Progress, first: int, turn: int) -> None:
    bar.at(first + turn)


def _start(
    contestants: Sequence[Contestant], setting: Setting, stack: ExitStack, left_out: list[str]
) -> dict[Contestant, Stopwatch]:
    """A process for each contestant, ready."""
    clocks = {}
    for who in contestants:
        job = Job(
            who.runtime,
            str(who.path),
            torch.get_num_threads(),
            setting.size_hw,
            setting.batch,
            who.is_dynamic,
        )
        try:
            if not who.is_dynamic and not setting.is_working_size:
                raise PixelwiseError("its files are for the run's working size.")
            clocks[who] = stack.enter_context(Stopwatch(job))
        except PixelwiseError as error:
            left_out.append(f"{who.name} is left out at {setting.words}: {error}")
    return clocks


def _in_turns(
    clocks: dict[Contestant, Stopwatch],
    setting: Setting,
    left_out: list[str],
    on_turn: Callable[[int], None],
) -> dict[Contestant, list[float]]:
    """The seconds of every look; who breaks down is taken out of ``clocks``."""
    times: dict[Contestant, list[float]] = {who: [] for who in clocks}
    for turn in range(_TURNS):
        for who, clock in list(clocks.items()):
            try:
                times[who] += clock.times(_looks_in_a_turn(times[who]))
            except PixelwiseError as error:
                del clocks[who]
                left_out.append(f"{who.name} is left out at {setting.words}: {error}")
        on_turn(turn + 1)
    return times


def _looks_in_a_turn(before: Sequence[float]) -> int:
    fewest, most = _LOOKS_A_TURN
    wanted = _TURN_S / float(np.median(before)) if before else fewest
    return int(np.clip(round(wanted), fewest, most))


def _speed(who: Contestant, setting: Setting, times: list[float], clock: Stopwatch) -> Speed:
    middle, late = np.percentile(times, [50, 95])
    return Speed(
        runtime=who.runtime,
        precision=who.precision,
        size_hw=setting.size_hw,
        batch=setting.batch,
        median_s=float(middle),
        p95_s=float(late),
        pictures_per_s=setting.batch * len(times) / sum(times),
        peak_bytes=clock.peak_bytes(),
        num_looks=len(times),
    )
