"""U-Net: an encoder, a decoder, and the encoder's features handed across at every level.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015, figure 1. Changed: convolutions keep the size and are batch-normalised; features are
upsampled bilinearly after a 1 x 1 convolution halves their channels, where the paper has a 2 x 2
transposed convolution, which costs the same and can leave a checkerboard.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.networks._anysize import AnySize
from pixelwise.networks._layers import (
    check_shape,
    decode,
    decoder,
    double,
    initialise,
    level_widths,
    stem,
)
from pixelwise.types import PixelwiseError

WIDTH = 16
DEPTH = 4
STRIDE = 2


def build(width: int | None = None, depth: int | None = None, stride: int | None = None) -> AnySize:
    """A U-Net with features at half the picture's size, which costs a quarter of the time.

    Args:
        width: channels of its first level; None = 16. The paper has 64.
        depth: number of poolings; None = 4, as in the paper.
        stride: None = 2; see `UNet`.
    """
    return UNet(
        WIDTH if width is None else width,
        DEPTH if depth is None else depth,
        STRIDE if stride is None else stride,
    )


class UNet(AnySize):
    """See the module.

    Args:
        width: channels of the first level, and of the features that come out.
        depth: number of poolings; each level has twice the channels of the one above it, up to 8
            times ``width``.
        stride: 1 gives features at the picture's size; 2 and 4 halve the picture once and twice
            before the first level, for 1/4 and 1/16 of the time.

    Raises:
        PixelwiseError: a width or depth below 1, or another stride.
    """

    def __init__(self, width: int = WIDTH, depth: int = DEPTH, stride: int = STRIDE) -> None:
        check_shape(width, depth)
        super().__init__(features=width, stride=stride, multiple=stride * 2**depth)
        if stride not in (1, 2, 4):
            raise PixelwiseError(f"A U-Net's stride is 1, 2 or 4, not {stride}.")
        self.stem, channels = stem(width, stride)
        self.encoder = nn.ModuleList()
        widths = level_widths(width, depth + 1)
        for level in widths:
            self.encoder.append(double(channels, level))
            channels = level
        self.reduce, self.decoder = decoder(widths)
        initialise(self)

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, width, H / s, W / s)."""
        *levels, bottom = self.encoder
        features: Tensor = self.stem(images)
        skips = []
        for level in levels:
            features = level(features)
            skips.append(features)
            features = F.max_pool2d(features, 2)
        return decode([*skips, bottom(features)], self.reduce, self.decoder)
