"""Run one contestant on one fold: ``python -m instances JOB.json``."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from pathlib import Path

from contestants._job import Job
from instances import Clock, Contestant
from instances._files import read_image, write_ids

_LIBRARIES = ("pixelwise", "torch", "stardist", "csbdeep", "tensorflow-cpu", "keras", "numpy")
_FINAL = "1"


def main() -> None:
    """Learn, predict, measure, and write the result; the result's presence says it is whole."""
    job = Job.read(Path(sys.argv[1]))
    program = importlib.import_module(f"instances.{job.program}")
    contestant: Contestant = program.build(job)
    clock = Clock(job.budget_s)
    learned = contestant.learn(clock)
    learned_s = clock.elapsed_s
    # The orchestrator watches the memory until this file is there.
    (job.folder / "learned").touch()
    result = {
        "kept_s": {_FINAL: learned_s},
        "learned_s": learned_s,
        "num_steps": learned.num_steps,
        "seconds_per_step": learned.seconds_per_step,
        "facts": dict(learned.facts),
        "predicting_pictures_per_s": 1 / statistics.median(_predict_all(contestant, job)),
        "threads": job.threads,
    }
    job.finish(result, _LIBRARIES)


def _predict_all(contestant: Contestant, job: Job) -> list[float]:
    """Write the objects of every test picture; the seconds each took, all in memory."""
    contestant.predict(read_image(job.tested[0].image))  # the first prediction warms up
    seconds = []
    for case in job.tested:
        image = read_image(case.image)
        started = time.perf_counter()
        ids = contestant.predict(image)
        seconds.append(time.perf_counter() - started)
        write_ids(job.folder / "masks" / _FINAL / f"{case.id}.png", ids)
    return seconds


if __name__ == "__main__":
    main()
