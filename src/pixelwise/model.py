"""The model: a network and one head per map. It knows no task.

A head is a 1 x 1 convolution. Where the maps have more channels between them than the network has
features, a hidden layer comes first: as linear functions of fewer features the channels could not
be independent of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pixelwise.networks import MEAN, SPREAD

# The hidden layer's channels come in blocks of so many, which processors add up at once.
_BLOCK = 16
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
        count = hidden_channels(maps, features)
        self.hidden = _hidden(features, count) if count else nn.Identity()
        features = count or features
        self.heads = nn.ModuleDict({name: _head(features, n) for name, n in maps.items()})

    @property
    def maps(self) -> dict[str, int]:
        """Channels of each map."""
        return {name: int(head.out_channels) for name, head in self.heads.items()}  # type: ignore[arg-type]

    @property
    def stride(self) -> int:
        """Pixels of the picture along the side of one pixel of a map."""
        return self.network.stride  # type: ignore[return-value]

    def pretrained(self) -> list[nn.Parameter]:
        """Weights that have learned already, which learn on more slowly; of most networks, none."""
        return self.network.pretrained()  # type: ignore[no-any-return,operator]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Maps, before any activation."""
        features = self.hidden(self.network(images))
        return {name: head(features) for name, head in self.heads.items()}


def hidden_channels(maps: Mapping[str, int], features: int) -> int:
    """Channels of the layer before the heads; 0 where there is none.

    Args:
        maps: map name -> channels. features: those of the network.
    """
    total = sum(maps.values())
    return -(-total // _BLOCK) * _BLOCK if total > features else 0


def _hidden(features: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(features, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def _head(features: int, channels: int) -> nn.Conv2d:
    head = nn.Conv2d(features, channels, 1)
    # What is looked for is seldom there: begin with hardly anything.
    nn.init.normal_(head.weight, std=FAINT)
    nn.init.constant_(head.bias, 0.0)  # type: ignore[arg-type]
    return head


def normalise(
    images: Tensor, mean: Sequence[float] = MEAN, spread: Sequence[float] = SPREAD
) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) float32, channels last in memory.

    ``mean``, ``spread``: of RGB in [0, 1].
    """
    # Channels first: where a runtime lays them out plane by plane, one number for a whole plane
    # costs less than three that change with every pixel: see LOG.md.
    planes = images.permute(0, 3, 1, 2).float()
    middle = torch.tensor(mean, device=images.device).view(3, 1, 1) * 255
    scale = torch.tensor(spread, device=images.device).view(3, 1, 1) * 255
    return (planes - middle) / scale
