"""Run one contestant on one fold: ``python -m contestants JOB.json``."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import torch

from contestants import Contestant, Image, Predict
from contestants._job import Job
from contestants._watch import FINAL, Watch

_LIBRARIES = ("pixelwise", "torch", "segmentation-models-pytorch", "albumentations", "monai")
_LOADER_S = 3.0


def main() -> None:
    """Learn, predict, measure, and write the result; the result's presence says it is whole."""
    job = Job.read(Path(sys.argv[1]))
    program = importlib.import_module(f"contestants.{job.program}")
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    watch = Watch(job.budget_s, job.folder)
    contestant: Contestant = program.build(job)
    contestant.learn(watch)
    watch.stop(contestant.save)
    # The orchestrator watches the memory until this file is there.
    (job.folder / "learned").touch()
    seconds = [_predict_all(contestant, watch, share, job) for share in watch.kept][-1]
    result = {
        "kept_s": watch.kept,
        "learned_s": watch.learned_s,
        "num_steps": watch.num_steps,
        "learning_pictures_per_s": watch.pictures_per_s,
        "predicting_pictures_per_s": 1 / statistics.median(seconds),
        "workers": contestant.workers,
        "loader_pictures_per_s": _loader_speeds(contestant, min(_LOADER_S, job.budget_s)),
        "threads": torch.get_num_threads(),
    }
    job.finish(result, _LIBRARIES)


def read_image(path: str) -> Image:
    """A picture as (H, W, 3) uint8 RGB."""
    return cv2.imread(path, cv2.IMREAD_COLOR)[..., ::-1].copy()


def _predict_all(contestant: Contestant, watch: Watch, share: str, job: Job) -> list[float]:
    """Write a mask for every test picture; the seconds each took, picture and mask in memory."""
    predict = contestant.predictor(watch.path(share))
    folder = job.folder / "masks" / watch.path(share).name.removeprefix("weights-")
    folder.mkdir(parents=True, exist_ok=True)
    if share == FINAL:
        predict(read_image(job.tested[0].image))  # the first prediction warms up
    return [_predict_one(predict, case.image, folder / f"{case.id}.png") for case in job.tested]


def _predict_one(predict: Predict, source: str, target: Path) -> float:
    image = read_image(source)
    started = time.perf_counter()
    mask = predict(image)
    seconds = time.perf_counter() - started
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), (mask > 0).astype("uint8") * 255)
    return seconds


def _loader_speeds(contestant: Contestant, seconds: float) -> dict[str, float]:
    """Pictures a second from the contestant's own loader alone: one worker, and as it used."""
    if contestant.workers == 0:
        speed = _speed(contestant.batches(0), seconds)
        return {} if speed is None else {"one": speed, "used": speed}
    one = _speed(contestant.batches(1), seconds)
    used = (
        one if contestant.workers == 1 else _speed(contestant.batches(contestant.workers), seconds)
    )
    return {"one": one or 0.0, "used": used or 0.0}


def _speed(batches: Iterator[int], seconds: float) -> float | None:
    """Pictures a second; the first batch, for which workers start, does not count."""
    if next(batches, None) is None:
        return None
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        count += next(batches)
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
