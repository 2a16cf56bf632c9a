"""How long a look takes in every runtime and precision, and what it costs in quality.

    python benchmarks/runtimes.py
    python benchmarks/runtimes.py --data FOLDER

The built-in model, which is the default U-Net (any other run by --run), 256 x 256, one picture at
a time, two threads. All contestants are in one process, each in a session of its own, and take
turns in short rounds, so that what else the machine does meets all alike. A round's first look
does not count: the threads of the one before may still be spinning. ``faster`` is how many times
as fast as PyTorch, which predicts as `pixelwise.load` does, with channels last in memory ("plain"
is PyTorch's default layout): the median over rounds of the ratio in a round, with its quartiles,
and the ratio of the fastest looks, which is what a quiet machine would come to. Quality is the mean
Jaccard index on the pictures of --data, whose every other picture calibrates int8; without it, on
made-up nevi.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

# PyTorch at its best beside other programs, where threads that spin while they wait cost it most;
# it must be said before the library is loaded. A quiet machine may do better with it unset.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.builtin import NEVI
from pixelwise.exporting import deployed
from pixelwise.find import find
from pixelwise.formats import Images, Runner
from pixelwise.madeup.nevi import write_nevi
from pixelwise.model import normalise
from pixelwise.probes import Probes, gather
from pixelwise.proof import Pair, prove
from pixelwise.run import Run, load_model, open_run
from pixelwise.runtimes import TorchRunner, open_torch
from pixelwise.stopwatch import noise

FORMATS = ("onnx", "openvino")
PRECISIONS = ("float32", "float16", "int8")
LOOKS = 4
EAGER = "torch float32"


@contextmanager
def pictures(run: Run, data: Path | None) -> Iterator[Probes]:
    """Of a folder, or made up."""
    if data is not None:
        yield gather(run, "int8", data, None)
        return
    with TemporaryDirectory() as folder:
        drawn = write_nevi(Path(folder) / "made-up nevi", 120, seed=5, long_side_px=300)
        yield gather(run, "int8", drawn, None)


class PlainRunner(TorchRunner):
    """PyTorch with its default layout in memory, channels first, as most code calls it."""

    @torch.inference_mode()
    def __call__(self, images: Images) -> dict[str, NDArray[np.float32]]:
        """Maps of (B, H, W, 3) uint8 RGB."""
        maps = self.model(normalise(torch.from_numpy(images)).contiguous())
        return {name: values.numpy() for name, values in maps.items()}


def compiled(eager: TorchRunner) -> Runner:
    """PyTorch's own compiler."""
    return TorchRunner(torch.compile(eager.model))  # type: ignore[arg-type]


def contestants(
    run: Run, probes: Probes, threads: int, is_compiled: bool, folder: Path
) -> dict[str, Runner]:
    """By runtime and precision, PyTorch first."""
    eager = open_torch(run.path, threads)
    found: dict[str, Runner] = {EAGER: eager, "torch, plain": PlainRunner(load_model(run))}
    if is_compiled:
        found["torch.compile float32"] = compiled(eager)
    for to in FORMATS:
        module = find("formats", to)
        for precision in PRECISIONS:
            path = folder / f"{precision}{module.SUFFIX}"
            module.write(deployed(run), path, precision, probes.calibration)
            found[f"{to} {precision}"] = module.open_model(path, threads)
    return found


def race(
    runners: dict[str, Runner], images: Images, seconds: float
) -> dict[str, list[list[float]]]:
    """Milliseconds of every look, by name and round."""
    times: dict[str, list[list[float]]] = {name: [] for name in runners}
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        for name, runner in runners.items():
            runner(images)
            times[name].append([1e3 * _seconds(runner, images) for _ in range(LOOKS)])
    return times


def _seconds(runner: Runner, images: Images) -> float:
    started = time.perf_counter()
    runner(images)
    return time.perf_counter() - started


def quality(run: Run, probes: Probes, runners: dict[str, Runner]) -> dict[str, str]:
    """IoU with PyTorch's masks, and the Jaccard index that was lost, by name."""
    found = {}
    for name, runner in runners.items():
        pair = Pair(runners[EAGER], runner, run.task())
        # Asked as of int8, whose loss is measured too.
        proof = prove(pair, "int8", probes.annotated, [], probes.annotated)
        found[name] = f"{proof.agreement:9.4f} {proof.loss:+9.4f} {proof.difference:10.1e}"
    return found


def report(times: dict[str, list[list[float]]], qualities: dict[str, str]) -> None:
    """A line for each."""
    eager = np.array(times[EAGER])
    print(
        f"{'':22} {'median':>7} {'95 %':>7} {'fastest':>7}   {'faster':>6} {'quartiles':>13} "
        f"{'fastest':>7}   {'IoU':>7} {'lost':>9} {'difference':>10}"
    )
    for name, rounds in times.items():
        looks = np.array(rounds)
        ratios = np.median(eager, axis=1) / np.median(looks, axis=1)
        low, high = np.percentile(ratios, (25, 75))
        print(
            f"{name:22} {np.median(looks):7.1f} {np.percentile(looks, 95):7.1f} {looks.min():7.1f}"
            f"   {np.median(ratios):6.2f} {low:6.2f}-{high:6.2f} {eager.min() / looks.min():7.2f}"
            f" {qualities[name]}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=NEVI, help="a semantic run [built-in]")
    parser.add_argument("--data", type=Path, help="annotated pictures [made-up nevi]")
    parser.add_argument("--size", type=int, default=256, help="side in pixels [256]")
    parser.add_argument("--threads", type=int, default=2, help="[2]")
    parser.add_argument("--seconds", type=float, default=60.0, help="of looking, in all [60]")
    parser.add_argument("--compile", action="store_true", help="torch.compile too (a minute)")
    asked = parser.parse_args()
    run = open_run(asked.run)
    with TemporaryDirectory() as folder, pictures(run, asked.data) as probes:
        runners = contestants(run, probes, asked.threads, asked.compile, Path(folder))
        qualities = quality(run, probes, runners)
        times = race(runners, noise(1, (asked.size, asked.size)), asked.seconds)
    rounds = len(times[EAGER])
    print(
        f"{asked.size} x {asked.size}, one picture, {asked.threads} threads, {rounds} rounds of "
        f"{LOOKS} looks, ms; quality on {len(probes.annotated)} {probes.words}"
    )
    report(times, qualities)


if __name__ == "__main__":
    main()
