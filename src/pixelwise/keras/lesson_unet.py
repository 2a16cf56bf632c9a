"""The twin of `pixelwise.networks.lesson_unet`."""

from __future__ import annotations

from pixelwise.keras._anysize import fit
from pixelwise.keras._layers import At, Tensor, concatenate, conv_relu_bn, upsample
from pixelwise.keras._lesson import MULTIPLE, encode
from pixelwise.networks._lesson import CHANNELS, refuse_other_shapes


def build(images: Tensor, at: At, width: int | None = None, depth: int | None = None) -> Tensor:
    """(B, H, W, 3) -> (B, H, W, 48). A width or a depth raises a `PixelwiseError`."""
    refuse_other_shapes(width, depth, instead="unet")

    def forward(padded: Tensor) -> Tensor:
        features, skips = encode(at / "encoder", padded)
        for number, channels in enumerate(CHANNELS[:0:-1]):
            both = concatenate(upsample(at, features), skips.pop())
            features = conv_relu_bn(at / "decoder" / number, both, channels)
        return concatenate(upsample(at, features), skips.pop())

    return fit(images, MULTIPLE, 1, forward)
