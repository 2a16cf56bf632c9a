"""The one place where pictures of any size are fitted to what a network can halve."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class AnySize(nn.Module):
    """A network for any picture size: pads at the bottom and right, and crops the features.

    A subclass calls ``super().__init__(...)`` and writes `forward_padded`.

    Args:
        features: channels that come out.
        stride: pixels of the picture along the side of one pixel of the features.
        multiple: what `forward_padded` needs height and width to be a multiple of.
    """

    def __init__(self, features: int, stride: int, multiple: int) -> None:
        super().__init__()
        self.features = features
        self.stride = stride
        self.multiple = multiple

    def pretrained(self) -> list[nn.Parameter]:
        """Weights that have learned already, which learn on more slowly; none, of most."""
        return []

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D, H / s, W / s), where H and W are multiples of ``multiple``."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float32 -> (B, D, ceil(H / s), ceil(W / s)) float32.

        The border's pixels are repeated, because zeros would be an edge that no picture has. It
        pads and crops by nothing where nothing is needed, without asking: a question about sizes
        would tie an exported model to the size it was exported at, and so would a slice.
        """
        height, width = images.shape[-2:]
        down, right = -height % self.multiple, -width % self.multiple
        features = self.forward_padded(F.pad(images, (0, right, 0, down), mode="replicate"))
        # What is padded beyond the last feature that any of the picture's own pixels reach.
        return F.pad(features, (0, -(right // self.stride), 0, -(down // self.stride)))
