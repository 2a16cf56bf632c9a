"""The lesson's SegNet: an encoder and a decoder, and nothing handed across.

The baseline whose numbers others have reproduced: 780,865 weights with a head of one channel. It
upsamples bilinearly; the published SegNet, which unpools where it pooled, is `segnet`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from pixelwise.networks._anysize import AnySize
from pixelwise.networks._layers import initialise, upsample
from pixelwise.networks._lesson import BOTTOM, CHANNELS, Encoder, conv_relu_bn, refuse_other_shapes

WIDTH = None
DEPTH = None


def build(width: int | None = None, depth: int | None = None) -> AnySize:
    """The lesson's SegNet. Its shape is fixed: a width or a depth raises a `PixelwiseError`."""
    refuse_other_shapes(width, depth, instead="segnet")
    return LessonSegNet()


class LessonSegNet(AnySize):
    """(B, 3, H, W) -> (B, 32, H, W)."""

    def __init__(self) -> None:
        super().__init__(features=CHANNELS[1], stride=1, multiple=2 ** len(CHANNELS))
        self.encoder = Encoder()
        coarse = (BOTTOM, *CHANNELS[:0:-1])
        self.decoder = nn.ModuleList(conv_relu_bn(*pair) for pair in pairwise(coarse))
        initialise(self)

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 32, H, W)."""
        features, _ = self.encoder(images)
        for block in self.decoder:
            features = block(upsample(features))
        return upsample(features)
