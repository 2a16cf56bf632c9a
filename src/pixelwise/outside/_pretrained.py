"""A model of the transformers library with the weights it was published with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pixelwise.networks._architecture import configuration, weighted
from pixelwise.networks._hub import Wish, library, read_table, read_weights
from pixelwise.types import PixelwiseError

# Needs a library of its own, which may ask its own hub for weights.
_UNUSED = "timm_backbone"


@dataclass(frozen=True)
class Pretrained:
    """A model, ready to predict, and what its files say of it.

    ``labels``: the names of what it tells apart, in the order of its outputs. ``said``: everything
    in its ``config.json``.
    """

    model: Any
    labels: tuple[str, ...]
    said: Mapping[str, Any]


def load_pretrained(
    folder: Path, classes: Mapping[str, str], wish: Wish, device: torch.device
) -> Pretrained:
    """Load what `fetch` brought.

    Args:
        folder: with ``config.json`` and safetensors.
        classes: model type -> class of the library; others are refused.
        wish: what it should be.
        device: where it shall compute.

    Raises:
        PixelwiseError: not of these types, a damaged file, or weights of something else.
    """
    path = folder / "config.json"
    said = read_table(path)
    kind = str(said.get("model_type"))
    if kind not in classes:
        raise PixelwiseError(
            f"{path} is of '{kind}', which is no {wish.noun} that can be used. These can: "
            f"{', '.join(classes)}. One on the hub is {wish.example}."
        )
    labels = _labels(said, path)
    config = configuration(said, str(path), dict(enumerate(labels)))
    if getattr(getattr(config, "backbone_config", None), "model_type", None) == _UNUSED:
        raise PixelwiseError(
            f"{path} stands on a backbone of the timm library, which is not used here. "
            f"Take another {wish.noun}, such as {wish.example}."
        )
    model_class = getattr(library("transformers"), classes[kind])
    model, lacking = weighted(model_class, config, read_weights(folder), str(folder))
    # Unlike a backbone, which learns on, this has to be whole.
    if lacking:
        raise PixelwiseError(
            f"The weights in {folder} are of something else: {lacking:.1%} of the numbers are "
            f"missing. Take another {wish.noun}, such as {wish.example}."
        )
    return Pretrained(model.eval().requires_grad_(False).to(device), labels, said)


def _labels(said: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Names in the order of the outputs."""
    given = said.get("id2label")
    found: dict[str, Any] = given if isinstance(given, dict) else {}
    numbers = sorted(found, key=_number)
    if not numbers or [_number(number) for number in numbers] != list(range(len(numbers))):
        raise PixelwiseError(
            f'{path} does not name what the model finds: "id2label" has to be a table from the '
            "numbers 0, 1, 2 ... to names. Fetch it again."
        )
    return tuple(str(found[number]) for number in numbers)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def as_batch(images: Sequence[Any], device: torch.device) -> torch.Tensor:
    """(B, H, W, 3) uint8 of pictures of one size."""
    return torch.stack([torch.from_numpy(image) for image in images]).to(device)
