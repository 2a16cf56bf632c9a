"""The model: a network and one head per map. It knows no task.

A head is a 1 x 1 convolution. Where the maps have more channels between them than the network has
features, each has a hidden layer first: as linear functions of fewer features the channels could
not be independent of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pixelwise.networks import MEAN, SPREAD

WIDER = 4
FAINT = 0.01


class Model(nn.Module):
    """``images`` (B, 3, H, W) float32 normalised -> {map name: (B, C, h, w)}.

    Args:
        network: see `pixelwise.networks`.
        maps: map name -> channels.
    """

    def __init__(self, network: nn.Module, maps: Mapping[str, int]) -> None:
        super().__init__()
        self.network = network
        features: int = network.features  # type: ignore[assignment]
        is_wide = sum(maps.values()) > features
        heads = {name: _head(features, count, is_wide=is_wide) for name, count in maps.items()}
        self.heads = nn.ModuleDict(heads)

    @property
    def stride(self) -> int:
        """Pixels of the picture along the side of one pixel of a map."""
        return self.network.stride  # type: ignore[return-value]

    def pretrained(self) -> list[nn.Parameter]:
        """Weights that have learned already, which learn on more slowly; of most networks, none."""
        return self.network.pretrained()  # type: ignore[no-any-return,operator]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Maps, before any activation."""
        features = self.network(images)
        return {name: head(features) for name, head in self.heads.items()}


def _head(features: int, channels: int, *, is_wide: bool) -> nn.Module:
    hidden = WIDER * features if is_wide else features
    last = nn.Conv2d(hidden, channels, 1)
    # What is looked for is seldom there: begin with hardly anything.
    nn.init.normal_(last.weight, std=FAINT)
    nn.init.constant_(last.bias, 0.0)  # type: ignore[arg-type]
    if not is_wide:
        return last
    first = nn.Conv2d(features, hidden, 1, bias=False)
    return nn.Sequential(first, nn.BatchNorm2d(hidden), nn.ReLU(inplace=True), last)


def normalise(
    images: Tensor, mean: Sequence[float] = MEAN, spread: Sequence[float] = SPREAD
) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) float32, channels last in memory.

    ``mean``, ``spread``: of RGB in [0, 1].
    """
    # Channels first: where a runtime lays them out plane by plane, three numbers that change with
    # every pixel cost ten times as much as one for a whole plane.
    planes = images.permute(0, 3, 1, 2).float()
    middle = torch.tensor(mean, device=images.device).view(3, 1, 1) * 255
    scale = torch.tensor(spread, device=images.device).view(3, 1, 1) * 255
    return (planes - middle) / scale
