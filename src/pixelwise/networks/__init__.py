"""Networks: what turns a picture into features. This is the page to read first.

Every module in here is one network, and has three things:

``WIDTH: int | None``, ``DEPTH: int | None``
    What a network is built with when nobody asks; None where its shape is fixed.
``build(width: int | None = None, depth: int | None = None) -> nn.Module``
    The network with fresh weights, drawn from torch's generator. ``width`` is the number of
    channels of its first level, ``depth`` how many times it halves the picture on the way down,
    None its own. A width or depth that cannot be raises a `PixelwiseError`.

A network on pretrained weights (`huggingface`) has two things more, so that a run can be loaded
without what it began from:

``describe(name: str) -> dict[str, Any]``
    What it needs to know of the backbone, as plain JSON data, which the run keeps.
``build(width, depth, backbone)``
    takes that, and what it builds has ``load_pretrained(name, commit)`` for the learned weights.

What is built is an ``nn.Module`` that obeys `Network`. Heads are the model's, one per map; a
network knows neither tasks nor losses. Adding a network adds a file: derive from
`pixelwise.networks._anysize.AnySize`, and the contract tests find it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Importing torch takes seconds, and listing the networks by name does not need it.
    from torch import Tensor, nn


# Of RGB in [0, 1]: what nearly every pretrained backbone learned with, and so every network here.
MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)


class Network(Protocol):
    """Pictures to features: ``images`` (B, 3, H, W) -> (B, D, ceil(H / s), ceil(W / s)).

    Any H and W from 1 up work: what a network needs to halve them it pads itself. In training,
    batch normalisation needs more than one value per channel where the picture is smallest, so
    one single tiny picture is no batch to learn from.
    """

    @property
    def features(self) -> int:
        """D, the number of channels that come out."""

    @property
    def stride(self) -> int:
        """s, pixels of the picture along the side of one pixel of the features."""

    def pretrained(self) -> list[nn.Parameter]:
        """Weights that have learned already, which learn on more slowly; of most, none."""

    def __call__(self, images: Tensor) -> Tensor:
        """Features of a batch.

        Args:
            images: (B, 3, H, W) float32, normalised (see `pixelwise.model.normalise`).

        Returns:
            (B, D, ceil(H / s), ceil(W / s)) float32; feature (i, j) lies at the picture's pixels
            [i s, (i + 1) s) x [j s, (j + 1) s).
        """
