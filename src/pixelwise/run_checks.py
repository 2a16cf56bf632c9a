"""What the files of a run may hold. A run may come from anywhere: nothing in it is trusted.

Every function raises ValueError or TypeError with the reason; `run` says in which file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pixelwise.types import IGNORE, PixelwiseError

_PARTS = ("train", "val", "test")
_FILES = (
    *("recipe.json", "categories.json", "split.json", "seen_before.json", "backbone.json"),
    *("status.json", "history.jsonl", "card.md", "model.safetensors", "last.safetensors"),
    *("state", "state/state.safetensors", "exports"),
)


def refuse_links(folder: Path) -> None:
    """No file of a run is a link that leads out of its folder.

    Raises:
        PixelwiseError: one is.
    """
    root = folder.resolve()
    for name in (*_FILES, *(path.name for path in folder.glob("fold-*"))):
        path = folder / name
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise PixelwiseError(
                f"{path} is a link that leads out of the run, to {path.resolve()}. Put the file "
                f"itself in its place (cp -rL {folder} COPY does), or take a run without links."
            )


def check_categories(found: Any) -> list[Any]:
    """A list of tables with a name and an RGB colour each."""
    if not isinstance(found, list) or not 0 < len(found) < IGNORE:
        raise ValueError(f"not a list of 1 to {IGNORE - 1} categories")
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise ValueError("a category without a name")
        color = each.get("color")
        if not isinstance(color, list) or len(color) != 3 or not all(map(_is_byte, color)):
            raise ValueError(f"the category {each['name']!r} has no colour of three bytes")
        if each.get("skeleton"):
            _check_skeleton(each["skeleton"])
    return found


def _is_byte(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= 255


def _check_skeleton(found: Any) -> None:
    joints, limbs, mirrored, sigmas = (
        list(found[name]) for name in ("joints", "limbs", "mirrored", "sigmas")
    )
    number = len(joints)
    if not number or not all(isinstance(joint, str) for joint in joints):
        raise ValueError("a skeleton without names of joints")
    places = [place for limb in limbs for place in limb] + mirrored
    if not all(isinstance(place, int) and 0 <= place < number for place in places):
        raise ValueError("a skeleton with limbs or mirror images of joints that it lacks")
    if len(mirrored) != number or len(sigmas) != number or {len(limb) for limb in limbs} - {2}:
        raise ValueError(f"a skeleton whose lists do not fit its {number} joints")
    if not all(isinstance(sigma, int | float) and 0 < sigma < 1e6 for sigma in sigmas):
        raise ValueError("a skeleton whose sigmas are not above 0")


def check_split(found: Any) -> dict[str, Any]:
    """A fingerprint, and a table of samples with the part and the fingerprint of each."""
    if not isinstance(found, dict) or not isinstance(found.get("fingerprint"), str):
        raise ValueError("not a table with a fingerprint")
    if not isinstance(samples := found.get("samples"), dict):
        raise ValueError("'samples' is not a table")
    for name, entry in samples.items():
        if not isinstance(entry, dict) or entry.get("split") not in list(_PARTS):
            raise ValueError(f"{name!r} is in no part: {', '.join(_PARTS)}")
        if not isinstance(entry.get("fingerprint"), str):
            raise ValueError(f"{name!r} has no fingerprint")
    return found


def check_seen_before(found: Any) -> list[Any]:
    """A table with a list of images, each a table."""
    if not isinstance(found, dict) or not isinstance(images := found.get("images"), list):
        raise ValueError("not a table with a list of images")
    if not all(isinstance(image, dict) for image in images):
        raise ValueError("an image that is no table")
    return images


def shapes_of(build: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the weights that a model would have, which takes no memory.

    Raises:
        RuntimeError, ValueError, OverflowError: numbers that no network can have.
    """
    with torch.device("meta"):
        return {name: tuple(weight.shape) for name, weight in build().state_dict().items()}
