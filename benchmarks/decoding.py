"""How long it takes, and how much memory, to turn maps into instances.

    python benchmarks/decoding.py

Made-up nuclei: 100 in 512 x 512 and 5,120 in 4096 x 4096, from maps as a perfect network gives
them, at stride 2. Each size in a process of its own; times are medians over repetitions.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from perfect import perfect_maps
from pixelwise.geometry import Warp
from pixelwise.layers import lay
from pixelwise.tasks import instance
from pixelwise.types import Annotation, Category

CATEGORIES = (Category("background", (0, 0, 0)), Category("nucleus", (230, 159, 0), True))
TILE_PX = 512
MIB = 2**20


def nuclei(columns: int, rows: int) -> Annotation:
    """``columns`` x ``rows`` discs in a picture of 512 x 512."""
    y, x = np.ogrid[0.5:TILE_PX, 0.5:TILE_PX]
    across, down = TILE_PX / columns, TILE_PX / rows
    rng = np.random.default_rng(0)
    masks = []
    for row in range(rows):
        for column in range(columns):
            center_y = (row + 0.5) * down + rng.uniform(-4, 4)
            center_x = (column + 0.5) * across + rng.uniform(-4, 4)
            radius = rng.uniform(0.32, 0.42) * min(across, down)
            masks.append((y - center_y) ** 2 + (x - center_x) ** 2 <= radius**2)
    layers = lay(masks, (TILE_PX, TILE_PX))
    number = len(masks)
    return Annotation(
        layers.any(axis=0).astype(np.uint8),
        layers,
        np.ones(number, np.int64),
        np.zeros(number, np.bool_),
    )


def measure(columns: int, rows: int, repeat: int, times: int) -> None:
    task = instance.build(CATEGORIES, {"cross_entropy": 1.0})
    maps = {
        name: np.tile(values, (1, repeat, repeat))
        for name, values in perfect_maps(task.encode(nuclei(columns, rows), 2)).items()
    }
    side = TILE_PX * repeat
    warp = Warp.fit((side, side), (side, side))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, found = [], 0
    for _ in range(times):
        started = time.perf_counter()
        found = len(task.decode(maps, warp))
        seconds.append(time.perf_counter() - started)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    in_maps = sum(values.nbytes for values in maps.values()) / MIB
    print(
        f"{side} x {side}: {found} of {columns * rows * repeat**2} nuclei, "
        f"{1e3 * float(np.median(seconds)):.1f} ms (fastest {1e3 * min(seconds):.1f}), "
        f"{after - before:.0f} MiB above the {in_maps:.0f} MiB of maps, process {after:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=4, type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        measure(*asked.one)
        return
    for numbers in ((10, 10, 1, 50), (8, 10, 8, 5)):
        words = [str(number) for number in numbers]
        subprocess.run([sys.executable, __file__, "--one", *words], check=True)


if __name__ == "__main__":
    main()
