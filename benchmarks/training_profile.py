"""Where the time of learning goes, against the floor that the arithmetic sets.

    .venv/bin/python benchmarks/training_profile.py DATA [--masks binary=person] [--steps 60]

The floor is what the network's multiplications would take at the speed of the best matrix product
this machine does with the same threads; everything above it is memory traffic, small operations
and what prepares the batches.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Threads that spin while they wait would be counted as work; the command line sets the same.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import torch
from torch.utils.flop_counter import FlopCounterMode

from pixelwise import open_dataset
from pixelwise.loader import Loader
from pixelwise.model import normalise
from pixelwise.optimise import Average, build_optimizer, clip
from pixelwise.plan import look
from pixelwise.recipe import derive
from pixelwise.run import begin_model, build_task
from pixelwise.store import Store


def median_ms(work: Callable[[], Any], count: int) -> float:
    """Median milliseconds of a piece of work, the first three runs not counted."""
    times = []
    for _ in range(count + 3):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times[3:])


def peak_flops() -> float:
    """Operations per second of a product of two 1024 x 1024 matrices, the best of 20."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - begun)
    return 2 * 1024**3 / min(times)


def main() -> None:
    """Measure and print a line per part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--masks", default="auto")
    parser.add_argument("--budget-s", type=float, default=240.0)
    parser.add_argument("--steps", type=int, default=60)
    given = parser.parse_args()
    dataset = open_dataset(given.data, given.masks)
    samples = [dataset[i] for i in range(len(dataset))]
    recipe = derive(look(dataset), str(given.data), {"budget_s": given.budget_s})
    task = build_task(recipe, dataset.categories)
    begun = time.perf_counter()
    store = Store(samples, recipe.size_hw, Path(), workers=2)
    reading_ms = (time.perf_counter() - begun) * 1000 / len(samples)
    model = begin_model(recipe, task).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average, optimizer = Average(model, recipe.average), build_optimizer(model, recipe)
    loader = Loader(store, store.ids, recipe, task, model.stride)
    batch = loader.batch(0)
    images = normalise(batch.images)

    def forward() -> torch.Tensor:
        terms = task.loss(model(images), batch.targets)
        return torch.stack(list(terms.values())).sum()

    with FlopCounterMode(display=False) as counter:
        forward().backward()
    floor_ms = counter.get_total_flops() / peak_flops() * 1000

    def both() -> None:
        optimizer.zero_grad(set_to_none=True)
        forward().backward()

    forward_ms, both_ms = median_ms(forward, given.steps), median_ms(both, given.steps)
    numbers = iter(range(10**9))
    parts = {
        "batch (augment, encode)": median_ms(lambda: loader.batch(next(numbers)), given.steps),
        "normalise": median_ms(lambda: normalise(batch.images), given.steps),
        "forward and loss": forward_ms,
        "backward": both_ms - forward_ms,
        "clip": median_ms(lambda: clip(model), given.steps),
        "optimiser": median_ms(optimizer.step, given.steps),
        "average of weights": median_ms(lambda: average.update(model, 1000), given.steps),
    }
    total = sum(parts.values())
    height, width = recipe.size_hw
    print(f"{width} x {height}, batches of {recipe.batch}, {torch.get_num_threads()} threads")
    print(f"reading and shrinking, once: {reading_ms:.1f} ms a picture")
    for name, ms in parts.items():
        print(f"{name:26s} {ms:7.2f} ms a step  {ms / total:5.0%}")
    print(f"{'all':26s} {total:7.2f} ms a step, {recipe.batch / total * 1000:.0f} pictures/s")
    print(
        f"floor {floor_ms:.2f} ms ({counter.get_total_flops() / 1e9:.2f} GFLOP a step): forward "
        f"and backward take {both_ms / floor_ms:.1f} times as long"
    )


if __name__ == "__main__":
    main()
