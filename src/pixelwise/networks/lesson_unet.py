"""The lesson's U-Net: its SegNet, with the encoder's features handed across at every level.

The baseline whose numbers others have reproduced: 974,417 weights with a head of one channel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pixelwise.networks._anysize import AnySize
from pixelwise.networks._layers import initialise, upsample
from pixelwise.networks._lesson import BOTTOM, CHANNELS, Encoder, conv_relu_bn, refuse_other_shapes

WIDTH = None
DEPTH = None


def build(width: int | None = None, depth: int | None = None) -> AnySize:
    """The lesson's U-Net. Its shape is fixed: a width or a depth raises a `PixelwiseError`."""
    refuse_other_shapes(width, depth, instead="unet")
    return LessonUNet()


class LessonUNet(AnySize):
    """(B, 3, H, W) -> (B, 48, H, W): the last skip reaches the head without a convolution."""

    def __init__(self) -> None:
        features = CHANNELS[0] + CHANNELS[1]
        super().__init__(features=features, stride=1, multiple=2 ** len(CHANNELS))
        self.encoder = Encoder()
        self.decoder = nn.ModuleList()
        num_below = BOTTOM
        for channels in CHANNELS[:0:-1]:
            self.decoder.append(conv_relu_bn(num_below + channels, channels))
            num_below = channels
        initialise(self)

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 48, H, W)."""
        features, skips = self.encoder(images)
        for block in self.decoder:
            features = block(torch.cat([upsample(features), skips.pop()], dim=1))
        return torch.cat([upsample(features), skips.pop()], dim=1)
