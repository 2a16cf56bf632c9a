"""What metrics.json says about an evaluation: on which images, of which weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelwise.files import read_json
from pixelwise.types import PixelwiseError


@dataclass(frozen=True)
class About:
    """What metrics.json says; empty where there is none.

    ``where``, ``part``, ``training``: as there. ``images``: id -> fingerprint of the measured file.
    """

    where: str | None = None
    part: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)


def read_about(folder: Path) -> About:
    """What lies beside a per_image.csv, or in the folder of one.

    Raises:
        PixelwiseError: metrics.json is damaged.
    """
    path = (folder.parent if folder.suffix == ".csv" else folder) / "metrics.json"
    if not path.is_file():
        return About()
    found = read_json(path)
    if not isinstance(found, dict):
        raise PixelwiseError(f"{path} is damaged: it is no table. Evaluate the run again.")
    training = found.get("training")
    images = found.get("images")
    return About(
        found.get("where"),
        found.get("part"),
        training if isinstance(training, dict) else {},
        images if isinstance(images, dict) else {},
    )


def other_images(about: tuple[About, About], shared: Sequence[str]) -> list[str]:
    """Ids under which the two measured files that are not the same."""
    a, b = (each.images for each in about)
    return [name for name in shared if name in a and name in b and a[name] != b[name]]


def refuse_training_images(names: tuple[str, str], about: tuple[About, About]) -> None:
    """What a run remembers is not compared as if it were how good it is.

    Raises:
        PixelwiseError: one of the two was measured on the images it was trained on.
    """
    for name, each in zip(names, about, strict=True):
        if each.part == "train":
            raise PixelwiseError(
                f"{name} was measured on the images it was trained on ({each.where}): the numbers "
                "say how well it remembers, not how well it works. Evaluate it on images that it "
                "was not trained on, or say --training-images to compare all the same."
            )


def notes_about(names: tuple[str, str], about: tuple[About, About]) -> tuple[str, ...]:
    """Sentences about runs that were not fully trained, and images that are not unseen."""
    notes = []
    for name, each in zip(names, about, strict=True):
        if each.part == "train":
            notes.append(f"{name} was trained on the images that it was measured on.")
        if each.part == "val":
            notes.append(f"The weights of {name} were chosen by the images it was measured on.")
        if said := _of_training(each.training):
            notes.append(f"{name} {said}")
    return tuple(notes)


def _of_training(training: Mapping[str, Any]) -> str | None:
    """How far a run was that did not take all planned steps."""
    parts = training.get("folds") or [training]
    step, steps = training.get("step"), training.get("steps")
    planned = "" if steps is None else f" of {steps} planned"
    after = "" if step is None else f", after {step}{planned} steps"
    if training.get("state") == "training":
        return f"was not finished when it was measured{after}."
    if any(part.get("stopped_early") for part in parts):
        return f"stopped early{after}."
    return None
