"""What the two networks of the lesson share: the encoder, and a fixed shape."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.types import PixelwiseError

CHANNELS = (16, 32, 64, 128)
BOTTOM = 256


def conv_relu_bn(num_in: int, num_out: int) -> nn.Sequential:
    """3 x 3 convolution with bias, ReLU, batch normalisation: in this order in the lesson."""
    return nn.Sequential(
        nn.Conv2d(num_in, num_out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(num_out),
    )


class Encoder(nn.Module):
    """Four blocks, each pooled by 2, and a convolution at the bottom without normalisation.

    (B, 3, H, W) -> (B, 256, H / 16, W / 16), and the features of the blocks before they are
    pooled, finest first: (B, 16, H, W), (B, 32, H / 2, W / 2), 64 and 128 channels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(conv_relu_bn(*pair) for pair in pairwise((3, *CHANNELS)))
        self.bottom = nn.Conv2d(CHANNELS[-1], BOTTOM, 3, padding=1)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See the class."""
        features, skips = images, []
        for block in self.blocks:
            features = block(features)
            skips.append(features)
            features = F.max_pool2d(features, 2)
        return F.relu(self.bottom(features)), skips


def refuse_other_shapes(width: int | None, depth: int | None, instead: str) -> None:
    """The lesson's networks are what they are: comparing with them needs their very shape.

    Raises:
        PixelwiseError: a width or a depth is asked for.
    """
    if width is not None or depth is not None:
        raise PixelwiseError(
            f"The lesson's networks have a fixed shape, so width={width} and depth={depth} cannot "
            f"be given. Leave them out, or take the network '{instead}'."
        )
