"""One contestant on one fold: run in a process of its own, watched, and scored."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contestants._job import Job
from pixelwise.files import write_text
from pixelwise.metrics.semantic import confusion, overlap
from pixelwise.types import PixelwiseError
from truth import read_mask

_LOOK_EVERY_S = 0.25
_MEASURES = ("jaccard", "dice")


@dataclass(frozen=True)
class Played:
    """``result``: what the contestant measured of itself. ``scores``: share of the budget ->
    picture -> measure -> value. ``peak_mb``: memory of it and its workers while it learned.
    """

    result: dict[str, Any]
    scores: dict[str, dict[str, dict[str, float]]]
    peak_mb: float | None


Scores = dict[str, dict[str, float]]
"""Picture -> measure -> value."""


def score_masks(job: Job, share: str) -> Scores:
    """Every test picture's scores from the masks a contestant wrote, by our metric."""
    scores = {}
    for case in job.tested:
        truth, found = read_mask(Path(case.mask)), read_mask(found_path(job, case.id, share))
        (tn, fp), (fn, tp) = confusion(truth, found, 2)
        values = overlap(tp, fp, fn, tn)
        scores[case.id] = {name: float(values[name]) for name in _MEASURES}
    return scores


def found_path(job: Job, case_id: str, share: str = "1") -> Path:
    """What a contestant found in a test picture, with what it knew after a share of its budget."""
    return job.folder / "masks" / share.replace("/", "-of-") / f"{case_id}.png"


def play(
    job: Job,
    python: str,
    package: str = "contestants",
    score: Callable[[Job, str], Scores] = score_masks,
    cores: Collection[int] = (),
) -> Played | None:
    """Run a contestant, unless its result is there; None where it failed, which is said.

    Args:
        job: what it is told. python: of its environment. package: that its program is in.
        score: job and share of the budget -> scores of what it wrote.
        cores: it may run on these alone; none means all.

    Raises:
        PixelwiseError: there is a result, but of another job.
    """
    folder = job.folder
    if (folder / "played.json").exists():
        if (folder / "job.json").read_text(encoding="utf-8") != job.write():
            raise PixelwiseError(
                f"{folder} holds the result of another benchmark (other data, folds, budget or "
                "settings). Give another folder (OUT=...), or delete this one."
            )
        print("  done before")
        return Played(**json.loads((folder / "played.json").read_text(encoding="utf-8")))
    # What an interruption left is not gone on with: the time it took would not count.
    shutil.rmtree(folder, ignore_errors=True)
    write_text(folder / "job.json", job.write())
    peak_mb = _run(job, python, package, cores)
    if not (folder / "result.json").exists():
        print(f"  failed; {folder / 'log.txt'} says why")
        return None
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    scores = {share: score(job, share) for share in result["kept_s"]}
    played = Played(result, scores, peak_mb)
    write_text(folder / "played.json", json.dumps(vars(played), indent=1) + "\n")
    return played


def _run(job: Job, python: str, package: str, cores: Collection[int]) -> float | None:
    """Start the contestant and wait; the most memory it had, in MB."""
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(here), os.environ.get("PYTHONPATH")))),
        "OMP_NUM_THREADS": str(job.threads),
        "GOMP_SPINCOUNT": "10000",
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "HF_HUB_OFFLINE": "1",
    }
    command = [python, "-m", package, str(job.folder / "job.json")]
    peak = None
    with (job.folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _keep_to(process.pid, cores)
        try:
            while process.poll() is None:
                if not (job.folder / "learned").exists():
                    peak = max(filter(None, (peak, _memory_mb(process.pid))), default=None)
                time.sleep(_LOOK_EVERY_S)
        finally:
            process.kill()
    return peak


def _keep_to(pid: int, cores: Collection[int]) -> None:
    """Where the system can do it. What the process starts later keeps to them too."""
    if cores and hasattr(os, "sched_setaffinity"):
        with suppress(ProcessLookupError):  # it has ended already; its log says why
            os.sched_setaffinity(pid, cores)


def _memory_mb(pid: int) -> float | None:
    """Memory of a process and its children, shared pages counted once; None where unknown.

    The sum of ``ru_maxrss`` would count what worker processes share with their parent once for
    each of them.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:  # the process has just ended, or this is no Linux
        return None
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024
    return own + sum(_memory_mb(int(child)) or 0.0 for child in children)
