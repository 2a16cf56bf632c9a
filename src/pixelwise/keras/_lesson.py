"""What the twins of the lesson's two networks share: the encoder."""

from __future__ import annotations

from keras import ops

from pixelwise.keras._layers import At, Tensor, conv, conv_relu_bn, pool
from pixelwise.networks._lesson import BOTTOM, CHANNELS

MULTIPLE = 2 ** len(CHANNELS)


def encode(at: At, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """(B, H, W, 3) -> (B, H / 16, W / 16, 256), and what the blocks gave, finest first."""
    features, skips = images, []
    for number, channels in enumerate(CHANNELS):
        skips.append(conv_relu_bn(at / "blocks" / number, features, channels))
        features = pool(skips[-1])
    return ops.relu(conv(at / "bottom", features, BOTTOM, 3, bias=True)), skips
