"""The twin of `pixelwise.networks.lesson_segnet`."""

from __future__ import annotations

from pixelwise.keras._anysize import fit
from pixelwise.keras._layers import At, Tensor, conv_relu_bn, upsample
from pixelwise.keras._lesson import MULTIPLE, encode
from pixelwise.networks._lesson import CHANNELS, refuse_other_shapes


def build(images: Tensor, at: At, width: int | None = None, depth: int | None = None) -> Tensor:
    """(B, H, W, 3) -> (B, H, W, 32). A width or a depth raises a `PixelwiseError`."""
    refuse_other_shapes(width, depth, instead="segnet")

    def forward(padded: Tensor) -> Tensor:
        features, _ = encode(at / "encoder", padded)
        for number, channels in enumerate(CHANNELS[:0:-1]):
            features = conv_relu_bn(at / "decoder" / number, upsample(at, features), channels)
        return upsample(at, features)

    return fit(images, MULTIPLE, 1, forward)
