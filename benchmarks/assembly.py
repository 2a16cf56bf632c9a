"""How fast maps become people, and how often people from perfect maps are not those drawn.

    python benchmarks/assembly.py [--scenes 120] [--repeat 15] [--stride 4] [--data FOLDER]

The maps are those of a network that makes no mistake, of pictures of 512 x 512, at the stride of
networks for poses: made-up scenes, and crowds of people strewn at random over a picture. Time is a
median over repetitions, against `plain_assembly`, the published algorithm in loops, in the same
process.

A scene fails where any labelled joint is farther than half a pixel of the picture from where it was
drawn, or a person is split, merged, lost or made up; in brackets the same with six pixels, where
only who has which joint matters. Said of whom is wrong in a scene that fails, one thing besides
the other: people one of whose joints is closer to another's of the same kind than two map pixels,
where maps have hardly two tops; those whose labelled joints no labelled limbs connect, whom only
nearness holds together; and those with neither.

With a folder of people with joints nothing of this is done; instead it is said how well everybody
comes back from such maps of its pictures, fitted to 512 x 512: the most that a network can reach
there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components

import plain_assembly
from crowds import crowd, maps_of, scene
from pixelwise.datasets import open_dataset
from pixelwise.find import find
from pixelwise.geometry import Warp
from pixelwise.joints import jointed, skeleton_of
from pixelwise.limbs import Limbs
from pixelwise.madeup.people import CATEGORIES
from pixelwise.tasks._assembly import assemble
from pixelwise.tasks._fields import PRIOR
from pixelwise.types import Annotation

LIMBS = Limbs.of(skeleton_of(CATEGORIES)[1])
TOLERANCE_PX, LOOSE_PX = 0.5, 6.0
SIZE_HW = (512, 512)
TOLD = ("oks_ap", "oks_ap50", "oks_ap75", "pose_recall", "pose_precision")


def ours(joint: np.ndarray, limb: np.ndarray) -> np.ndarray:
    return assemble(joint, limb, LIMBS, PRIOR)[0]


def plain(joint: np.ndarray, limb: np.ndarray) -> np.ndarray:
    return plain_assembly.assemble(joint, limb, LIMBS.ends, PRIOR)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Of one scene: people, and which of them are wrong; what makes it hard."""

    is_wrong: np.ndarray
    is_close: np.ndarray
    is_in_pieces: np.ndarray
    num_more: int

    @property
    def is_simple(self) -> np.ndarray:
        return ~self.is_close & ~self.is_in_pieces

    @property
    def fails(self) -> bool:
        return bool(self.is_wrong.any() or self.num_more)


def labelled(annotation: Annotation) -> np.ndarray:
    """(M, K, 3) the people with at least one known joint."""
    people = jointed(annotation, CATEGORIES)
    return people.keypoints[people.is_labelled]


def outcome(truth: np.ndarray, found: np.ndarray, tolerance_px: float, close_px: float) -> Outcome:
    """Compare (M, K, 3) with (N, K, 3), both in pixels of the picture."""
    known = truth[..., 2] > 0
    in_pieces = np.array([pieces(person) > 1 for person in known], bool)
    is_wrong = wrong(truth, found, tolerance_px)
    return Outcome(is_wrong, close(truth, close_px), in_pieces, len(found) - len(truth))


def wrong(truth: np.ndarray, found: np.ndarray, tolerance_px: float) -> np.ndarray:
    """(M,) who of those drawn is not among those found with every known joint in its place."""
    known = truth[..., 2] > 0
    apart = np.linalg.norm(truth[:, None, :, :2] - found[None, :, :, :2], axis=-1)
    near = (apart <= tolerance_px) & known[:, None]
    whole = near.sum(axis=2) == known.sum(axis=1)[:, None]
    one, other = linear_sum_assignment(-(1000.0 * whole + near.sum(axis=2)))
    is_wrong = np.ones(len(truth), bool)
    is_wrong[one] = ~whole[one, other]
    return is_wrong


def close(truth: np.ndarray, close_px: float) -> np.ndarray:
    """(M,) whether one of a person's joints is hardly apart from another's of the same kind."""
    xy = np.where(truth[..., 2:] > 0, truth[..., :2].astype(np.float64), np.nan)
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
    apart[np.arange(len(truth)), np.arange(len(truth))] = np.nan
    return np.asarray((apart < close_px).any(axis=(1, 2)))


def pieces(known: np.ndarray) -> int:
    """In how many parts the known joints (K,) of a person are, joined by limbs between them."""
    graph = np.zeros((len(known), len(known)))
    ends = LIMBS.ends[known[LIMBS.ends].all(axis=1)]
    graph[ends[:, 0], ends[:, 1]] = 1
    return len(np.unique(connected_components(graph, directed=False)[1][known]))


def failures(people: int, scenes: int, stride: int) -> None:
    """Print how often scenes fail that were asked for so many people."""
    methods: dict[str, Callable[..., np.ndarray]] = {"ours": ours, "plain": plain}
    found: dict[tuple[str, float], list[Outcome]] = {}
    for index in range(scenes):
        # The decoder's numbers were chosen on the scenes before these.
        annotation = scene(10_000 + index, people)
        truth = labelled(annotation)
        maps = maps_of(annotation, CATEGORIES, stride)
        for name, method in methods.items():
            poses = method(*maps).copy()
            poses[..., :2] *= stride
            for tolerance in (TOLERANCE_PX, LOOSE_PX):
                compared = outcome(truth, poses, tolerance, 2.0 * stride)
                found.setdefault((name, tolerance), []).append(compared)
    for name in methods:
        print(f"  {people:3d} asked for, {name}: {told(found, name)}")


def told(found: dict[tuple[str, float], list[Outcome]], name: str) -> str:
    exact, loose = found[name, TOLERANCE_PX], found[name, LOOSE_PX]
    failed = [one for one in exact if one.fails]
    by_close = [one for one in failed if (one.is_wrong & one.is_close).any()]
    by_pieces = [one for one in failed if (one.is_wrong & one.is_in_pieces).any()]
    by_others = [one for one in failed if (one.is_wrong & one.is_simple).any()]
    simple = [one for one in exact if one.is_simple.all()]
    people = np.concatenate([one.is_wrong for one in exact])
    is_simple = np.concatenate([one.is_simple for one in exact])
    return (
        f"{len(people) / len(exact):.1f} people a scene; {share(failed, exact)} of scenes fail "
        f"({share([one for one in loose if one.fails], loose)}), {share(by_close, failed)} of them "
        f"where joints are close, {share(by_pieces, failed)} in pieces, {share(by_others, failed)} "
        f"with neither; {share([one for one in simple if one.fails], simple)} of the {len(simple)} "
        f"scenes without either fail; {people.mean():.1%} of people are wrong, "
        f"{people[is_simple].mean():.1%} of those with neither"
    )


def share(some: list[Any], every: list[Any]) -> str:
    return f"{len(some) / max(len(every), 1):.0%}"


def ceiling(folder: Path, stride: int) -> None:
    """Print how well perfect maps of a folder's pictures score."""
    dataset = open_dataset(folder)
    task = find("tasks", "pose").build(dataset.categories, {"joint": 1.0, "limb": 1.0})
    metric = task.metric()
    for sample in (dataset[index] for index in range(len(dataset))):
        truth = sample.read_annotation()
        if not jointed(truth, dataset.categories).is_labelled.any():
            continue
        warp = Warp.fit(truth.size_hw, SIZE_HW)
        joint, limb = maps_of(warp.annotation(truth), dataset.categories, stride)
        metric.update(sample.id, truth, task.decode({"joint": joint, "limb": limb}, warp))
    found = metric.compute()["pooled over people"]
    told = ", ".join(f"{name} {found[name]:.3f}" for name in TOLD)
    print(f"Perfect maps of {len(metric.ids)} pictures with people of {folder}: {told}")


def times_ms(work: Callable[[], object], repeat: int) -> np.ndarray:
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return 1e3 * np.array(seconds)


def times(name: str, annotation: Annotation, repeat: int, stride: int) -> None:
    """Print how long both take."""
    joint, limb = maps_of(annotation, CATEGORIES, stride)
    fast = times_ms(lambda: ours(joint, limb), repeat)
    slow = times_ms(lambda: plain(joint, limb), max(repeat // 5, 1))
    truth = labelled(annotation)
    ours_ms, plain_ms = float(np.median(fast)), float(np.median(slow))
    print(
        f"  {name}: {len(truth)} people, {int((truth[..., 2] > 0).sum())} joints: ours "
        f"{ours_ms:.1f} ms (fastest {fast.min():.1f}), plain {plain_ms:.0f} ms, "
        f"{plain_ms / ours_ms:.0f} times as long"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=120, help="Of each kind.")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--stride", type=int, default=4, help="Of the maps.")
    parser.add_argument("--data", type=Path, help="Folder of people with joints.")
    asked = parser.parse_args()
    if asked.data:
        ceiling(asked.data, asked.stride)
        return
    print("Time")
    times("a scene", scene(0, 20), asked.repeat, asked.stride)
    for people in (5, 10, 20, 50, 100):
        times("a crowd", crowd(0, people), asked.repeat, asked.stride)
    print("Failures")
    for people in (5, 10, 20):
        failures(people, asked.scenes, asked.stride)


if __name__ == "__main__":
    main()
