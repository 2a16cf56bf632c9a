"""The pieces that several networks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.types import PixelwiseError


def conv_bn_relu(num_in: int, num_out: int) -> nn.Sequential:
    """3 x 3 convolution, batch normalisation, ReLU; the size stays.

    The convolution has no bias, because the normalisation would take it away again.
    """
    return nn.Sequential(
        nn.Conv2d(num_in, num_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(num_out),
        nn.ReLU(inplace=True),
    )


def double(num_in: int, num_out: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each normalised: one level of a U-Net."""
    return nn.Sequential(conv_bn_relu(num_in, num_out), conv_bn_relu(num_out, num_out))


def stem(width: int, stride: int) -> tuple[nn.Sequential, int]:
    """What halves the picture ``stride`` / 2 times before the first level; the channels it leaves.

    The kernel is 4 wide, not 3, because an even one sits in the middle of the two pixels that
    become one: features stay where the picture has them, not half a pixel off.
    """
    layers: list[nn.Module] = []
    channels = 3
    for _ in range(stride // 2):
        layers += [
            nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels = width
    return nn.Sequential(*layers), channels


def decoder(widths: Sequence[int]) -> tuple[nn.ModuleList, nn.ModuleList]:
    """The way up of a U-Net whose levels have these channels, finest first.

    Returns:
        what fits the channels of a level to the next finer one, and what mixes the two; both
        coarsest first, for `decode`.
    """
    reduce, mix = nn.ModuleList(), nn.ModuleList()
    for coarse, fine in pairwise(reversed(widths)):
        reduce.append(nn.Conv2d(coarse, fine, 1))
        mix.append(double(2 * fine, fine))
    return reduce, mix


def decode(levels: Sequence[Tensor], reduce: nn.ModuleList, mix: nn.ModuleList) -> Tensor:
    """Features of every level, finest first, each half as large as the one before -> the finest."""
    *skips, features = levels
    for fit, level in zip(reduce, mix, strict=True):
        features = torch.cat([upsample(fit(features)), skips.pop()], dim=1)
        features = level(features)
    return features


def upsample(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 2 h, 2 w), bilinear, pixel centres at i + 0.5."""
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def initialise(network: nn.Module) -> None:
    """Draw every convolution as He et al. 2015 (equation 10) do for ReLU; biases start at 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def check_shape(width: int, depth: int) -> None:
    """Refuse a network without channels or without a pooling.

    Raises:
        PixelwiseError: a width or depth below 1.
    """
    if width < 1 or depth < 1:
        raise PixelwiseError(
            f"A network needs a width and a depth of at least 1, not {width} and {depth}. "
            "Leave them out to get the network's own."
        )


def level_widths(width: int, num_levels: int) -> list[int]:
    """Channels of each level, finest first: doubled from level to level, up to 8 times ``width``.

    SegNet's paper stops there too. U-Net's goes on to 16 times; that last doubling would add 60 %
    to the weights, in the part that few pictures can least fill.
    """
    return [width * min(2**level, 8) for level in range(num_levels)]
