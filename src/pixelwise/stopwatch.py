"""How long a model takes: timed here, or in a process of its own, which knows its memory too.

``python -m pixelwise.stopwatch`` is that process. It takes what to time as a line of JSON, then
numbers, a line each, and answers each with as many times. It loads no more than it times: a file
in another runtime does without torch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.find import find
from pixelwise.machine import peak_bytes
from pixelwise.types import PixelwiseError

if TYPE_CHECKING:
    from pixelwise.formats import Images, Runner

WARM_UP = 3
"""Looks before the first that counts: memory is laid out, kernels are chosen."""


@dataclass(frozen=True)
class Job:
    """What is timed.

    ``runtime``: "torch", or a module of `pixelwise.formats`. ``path``: of torch the folder of a
    run, else the exported file. ``is_dynamic``: whether a file takes several pictures at a time.
    """

    runtime: str
    path: str
    threads: int
    size_hw: tuple[int, int]
    batch: int
    is_dynamic: bool = True


def looks(runner: Runner, images: Images, number: int) -> list[float]:
    """Seconds that each of so many looks at (B, H, W, 3) uint8 takes."""
    times = []
    for _ in range(number):
        started = time.perf_counter()
        runner(images)
        times.append(time.perf_counter() - started)
    return times


def in_turns(runners: Mapping[str, Runner], images: Images, budget_s: float) -> dict[str, float]:
    """Median seconds of a look, by name: of looks in turns, so that what else the machine does
    meets all alike."""
    for runner in runners.values():
        looks(runner, images, WARM_UP)
    times: dict[str, list[float]] = {name: [] for name in runners}
    begun = time.perf_counter()
    while not _is_enough(times, time.perf_counter() - begun, budget_s):
        for name, runner in runners.items():
            times[name] += looks(runner, images, 1)
    return {name: float(np.median(found)) for name, found in times.items()}


def _is_enough(times: Mapping[str, list[float]], spent_s: float, budget_s: float) -> bool:
    fewest = min(map(len, times.values()))
    return fewest >= 5 and (fewest >= 50 or spent_s >= budget_s)


def noise(batch: int, size_hw: tuple[int, int]) -> Images:
    """Pictures to look at, (B, H, W, 3) uint8: how long a look takes does not depend on them."""
    images: NDArray[np.uint8] = np.random.default_rng(0).integers(
        0, 256, (batch, *size_hw, 3), np.uint8
    )
    return images


class Stopwatch:
    """A process that times one model; leave it with ``with``.

    Raises:
        PixelwiseError: the model cannot be opened there, or the process ends before its time.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        # -P: nothing is imported from the folder that the user happens to be in.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pixelwise.stopwatch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=_environment(job.threads),
        )
        try:
            self._ask(asdict(job))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Stopwatch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def times(self, number: int) -> list[float]:
        """Seconds of so many looks."""
        return [float(each) for each in self._ask(number)]

    def peak_bytes(self) -> int | None:
        """The most memory the process has had."""
        found: int | None = self._ask(0)
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, question: object) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise PixelwiseError(
                f"The process that timed {self._job.runtime} ended before its time; that much "
                "memory may not be there. Ask for smaller --sizes or --batches."
            ) from None
        if "error" in answer:
            raise PixelwiseError(answer["error"])
        return answer["found"]


def _environment(threads: int) -> dict[str, str]:
    """The variables of the process: as many threads for all, and short spins; see `cli`."""
    return {"GOMP_SPINCOUNT": "10000", **os.environ, "OMP_NUM_THREADS": str(threads)}


def serve(asked: IO[str], answers: IO[str]) -> None:
    """Answer lines with lines until there are no more."""

    def answer(**found: object) -> None:
        answers.write(json.dumps(found) + "\n")
        answers.flush()

    found = json.loads(asked.readline())
    job = Job(**{**found, "size_hw": tuple(found["size_hw"])})
    try:
        runner = open_job(job)
        images = noise(job.batch, job.size_hw)
        looks(runner, images, WARM_UP)
    except Exception as error:  # whatever a runtime raises is for the one who asked
        answer(error=f"{job.runtime} cannot be timed: {error}")
        return
    answer(found=True)
    for line in asked:
        number = int(line)
        answer(found=looks(runner, images, number) if number else peak_bytes())


def open_job(job: Job) -> Runner:
    """The model in its runtime."""
    if job.runtime == "torch":
        from pixelwise.runtimes import open_torch

        return open_torch(Path(job.path), job.threads)
    module = find("formats", job.runtime)
    runner: Runner = module.open_model(Path(job.path), threads=job.threads)
    return runner if job.is_dynamic else _one_by_one(runner)


def _one_by_one(runner: Runner) -> Runner:
    """A model that takes one picture at a time, given several."""

    def look(images: Images) -> dict[str, NDArray[np.float32]]:
        maps = [runner(image[None]) for image in images]
        return {name: np.concatenate([each[name] for each in maps]) for name in maps[0]}

    return look


def main() -> None:
    """Serve on what was standard output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
