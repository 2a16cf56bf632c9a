"""The twin of `pixelwise.networks.unet`."""

from __future__ import annotations

from pixelwise.keras._anysize import fit
from pixelwise.keras._layers import (
    At,
    Tensor,
    concatenate,
    conv,
    conv_bn_relu,
    double,
    pool,
    upsample,
)
from pixelwise.networks._layers import check_shape, level_widths
from pixelwise.networks.unet import DEPTH, STRIDE, WIDTH


def build(
    images: Tensor,
    at: At,
    width: int | None = None,
    depth: int | None = None,
    stride: int | None = None,
) -> Tensor:
    """(B, H, W, 3) -> (B, ceil(H / s), ceil(W / s), width).

    Raises:
        PixelwiseError: a width or depth below 1.
    """
    width, depth = WIDTH if width is None else width, DEPTH if depth is None else depth
    stride = STRIDE if stride is None else stride
    check_shape(width, depth)
    widths = level_widths(width, depth + 1)

    def forward(padded: Tensor) -> Tensor:
        return _up(at, _down(at, _stem(at / "stem", padded, width, stride), widths), widths)

    return fit(images, stride * 2**depth, stride, forward)


def _stem(at: At, images: Tensor, width: int, stride: int) -> Tensor:
    features = images
    for number in range(stride // 2):
        features = conv_bn_relu(at, features, width, kernel=4, stride=2, first=3 * number)
    return features


def _down(at: At, features: Tensor, widths: list[int]) -> list[Tensor]:
    """Features of every level, finest first."""
    levels: list[Tensor] = []
    for number, channels in enumerate(widths):
        below = pool(levels[-1]) if levels else features
        levels.append(double(at / "encoder" / number, below, channels))
    return levels


def _up(at: At, levels: list[Tensor], widths: list[int]) -> Tensor:
    *skips, features = levels
    for number, channels in enumerate(reversed(widths[:-1])):
        reduced = conv(at / "reduce" / number, features, channels, 1, bias=True)
        both = concatenate(upsample(at, reduced), skips.pop())
        features = double(at / "decoder" / number, both, channels)
    return features
