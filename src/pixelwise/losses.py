"""Losses: pure functions (logits, target, weight) -> one number.

===========  ===============================================================================
logits       (B, C, h, w) float, before any activation; C = 1 is a two-class problem
target       (B, C, h, w) float in [0, 1]: the share of each class in each map pixel's area;
             with C = 1 the share of the foreground
weight       (B, 1, h, w) float: the known share of each pixel; 0 = ignore
result       () float32 (float64 for float64 logits), whatever autocast does around it
===========  ===============================================================================

An average is over the known pixels of the whole batch, sum(weight * loss) / sum(weight), and 0
with a gradient of 0 where nothing is known. Targets are shares, not labels, so a loss here is
one that is smallest at prediction = target for shares too, and that is the published one where
the shares are 0 and 1; Lovasz, which is defined for labels only, rounds them.

``class_weights``, where a loss takes them, are (C,) float, or (2,) for C = 1: background, then
foreground.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelwise.types import PixelwiseError

_EPS = 1e-6
_PIXELS = (0, 2, 3)


def cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy: softmax for C >= 2, binary for C = 1. In nats per pixel.

    Class weights multiply each class's share in the sum and in what it is divided by, as in
    ``torch.nn.CrossEntropyLoss`` for labels, so that the number keeps its scale.
    """
    log_probs, shares = _log_probs(logits), _shares(logits, target)
    return _class_average(-log_probs, shares, weight, class_weights)


def focal(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    class_weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """Focal loss: cross-entropy that cares less the closer a pixel already is.

    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 5, whose alpha is
    ``class_weights``; for shares |target - p| stands for 1 - p, after Li et al., "Generalized
    Focal Loss", NeurIPS 2020, equation 5. ``gamma`` 0 is `cross_entropy`.
    """
    log_probs, shares = _log_probs(logits), _shares(logits, target)
    distance = (shares - log_probs.exp()).abs()
    return _class_average(-(distance**gamma) * log_probs, shares, weight, class_weights)


def boundary(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    class_weights: Tensor | None = None,
    strength: float = 10.0,
) -> Tensor:
    """Cross-entropy that weighs pixels at the target's borders up to 1 + ``strength`` times.

    After Ronneberger et al., "U-Net", MICCAI 2015, equation 2 (w0 = 10). The nearness to a border
    comes from max pooling the target, on whatever device it is, not from a distance transform.
    """
    near = border_nearness(_shares(logits, target), weight)
    return cross_entropy(logits, target, weight * (1 + strength * near), class_weights)


def border_nearness(shares: Tensor, weight: Tensor) -> Tensor:
    """How near the border between classes is: 1 beside it, 0 more than 4 map pixels away.

    Args:
        shares: (B, C, h, w) float in [0, 1].
        weight: (B, 1, h, w) float; what lies at pixels of weight 0 makes no border.

    Returns:
        (B, 1, h, w) float in [0, 1], in steps of a third: how far shares vary within 1, 2 and 4
        pixels, the most varying class, on average.
    """
    known = weight > 0
    spans = []
    for radius in (1, 2, 4):
        side = 2 * radius + 1
        # -1 is below every share, so unknown pixels are neither the highest nor the lowest.
        highest = F.max_pool2d(torch.where(known, shares, -1.0), side, 1, radius)
        lowest = 1 - F.max_pool2d(torch.where(known, 1 - shares, -1.0), side, 1, radius)
        spans.append((highest - lowest).amax(dim=1, keepdim=True))
    return torch.stack(spans).mean(dim=0) * known


def mse(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error between probabilities and shares (Brier 1950), over pixels and channels.

    What an autoencoder is trained with: a comparison to learn from, because its gradient vanishes
    where a pixel is confidently wrong, and cross-entropy's does not.
    """
    squares = (_probs(logits) - target.to(_precise(logits).dtype)) ** 2
    return _average(squares.mean(dim=1, keepdim=True), weight)


def dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Soft Dice loss: `tversky` with alpha = beta = 0.5, that is, 1 - 2 TP / (2 TP + FP + FN).

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, without the squares, as Sudre et al.,
    DLMIA 2017.
    """
    return tversky(logits, target, weight, alpha=0.5, beta=0.5)


def tversky(
    logits: Tensor, target: Tensor, weight: Tensor, alpha: float = 0.3, beta: float = 0.7
) -> Tensor:
    """Tversky loss, 1 - TP / (TP + alpha FP + beta FN), the mean over channels.

    Salehi, Erdogmus and Gholipour, MLMI 2017, equation 4. Sums are over the batch, not over each
    picture (as nnU-Net does, Isensee et al. 2021), so that a picture without the class does no
    harm. With p * t as the overlap a share of 0.5 would be best answered by 0 or 1; min(p, t) is
    the same for labels and best answered by 0.5 (Wang et al., "Dice Semimetric Losses",
    MICCAI 2023, section 2). One pixel is added above and below: a class that is neither there nor
    predicted costs 0.

    Args:
        alpha: price of a false positive.
        beta: price of a false negative; above ``alpha`` it finds more and outlines larger.
    """
    probs = _probs(logits)
    shares, weight = target.to(probs.dtype), weight.to(probs.dtype)
    hits = (torch.minimum(probs, shares) * weight).sum(dim=_PIXELS)
    false_alarms = ((probs - shares).clamp(min=0) * weight).sum(dim=_PIXELS)
    misses = ((shares - probs).clamp(min=0) * weight).sum(dim=_PIXELS)
    index = (hits + 1) / (hits + alpha * false_alarms + beta * misses + 1)
    return 1 - index.mean()


def lovasz(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Lovasz loss, the convex surrogate of 1 - Jaccard, of each picture, then averaged.

    Berman, Rannen Triki and Blaschko, CVPR 2018: the Lovasz hinge on the logit for C = 1
    (section 3.1), Lovasz softmax over the classes each picture holds for C >= 2 (section 3.2).
    Shares are rounded to labels; pictures of which nothing is known do not count.
    """
    logits, weight = _precise(logits), weight.to(_precise(logits).dtype)
    if logits.shape[1] == 1:
        labels = (target > 0.5).to(logits.dtype)
        errors = F.relu(1 - logits * (2 * labels - 1))
        counts = weight.flatten(1).any(dim=1, keepdim=True)
    else:
        labels = F.one_hot(target.argmax(dim=1), logits.shape[1]).movedim(-1, 1).to(logits.dtype)
        errors = (labels - logits.softmax(dim=1)).abs()
        counts = (labels * weight).flatten(2).any(dim=2)
    costs = _lovasz_extension(errors.flatten(2), labels.flatten(2), weight.flatten(2))
    # The mean over the classes of a picture, then over the pictures.
    pictures = (costs * counts).sum(dim=1) / counts.sum(dim=1).clamp(min=1)
    return pictures.sum() / counts.any(dim=1).sum().clamp(min=1)


def _lovasz_extension(errors: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Algorithm 1 of the paper, for all pictures and classes at once.

    A pixel of weight w counts as w pixels in the Jaccard index; with 0 it leaves it as it is.

    Args:
        errors: (B, C, N), at least 0.
        labels: (B, C, N), 0 or 1.
        weight: (B, 1, N).

    Returns:
        (B, C).
    """
    errors, order = errors.sort(dim=-1, descending=True)
    weight = weight.expand_as(labels).gather(-1, order)
    labels = labels.gather(-1, order)
    inside, outside = (labels * weight).cumsum(-1), ((1 - labels) * weight).cumsum(-1)
    area = inside[..., -1:]
    # 1 - Jaccard once the pixels so far are wrong; each pixel pays what it adds to that.
    jaccard_loss = 1 - (area - inside) / (area + outside).clamp(min=_EPS)
    before = F.pad(jaccard_loss[..., :-1], (1, 0))
    return (errors * (jaccard_loss - before) * (weight > 0)).sum(dim=-1)


def heatmap(logits: Tensor, target: Tensor, weight: Tensor, least: float = 1.0) -> Tensor:
    """What heatmaps cost: binary cross-entropy above its least, over the sum of the target.

    The excess is the Kullback-Leibler divergence from the target, and 0 at it. Divided by the sum
    of the target, a top costs the same in a crowd and alone, whatever the size of the map; an
    average over pixels would be the cost of ground with hardly a top in it.

    Args:
        logits, target: (B, C, h, w), channels independent of each other.
        weight: (B, 1, h, w).
        least: of the divisor, so that pictures without a top cost what one with a top would.
    """
    logits = _precise(logits)
    target, weight = target.to(logits.dtype), weight.to(logits.dtype)
    entropy: Tensor = torch.special.entr(target) + torch.special.entr(1 - target)
    cost = F.binary_cross_entropy_with_logits(logits, target, reduction="none") - entropy
    found: Tensor = (cost * weight).sum() / (target * weight).sum().clamp(min=least)
    return found


BY_PIXEL: Mapping[str, Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]] = {
    "cross_entropy": cross_entropy,
    "focal": focal,
    "boundary": boundary,
}
"""Losses that take class weights."""

BY_REGION: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "dice": dice,
    "tversky": tversky,
    "lovasz": lovasz,
    "mse": mse,
}
"""Losses that do not."""


def weighted_sum(
    names: Mapping[str, float],
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    class_weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """The terms of a weighted sum of losses, by name, each already times its weight.

    What is minimised is ``sum(terms.values())``.

    Args:
        names: loss name -> its weight in the sum.
        logits, target, weight, class_weights: see the module.

    Raises:
        PixelwiseError: there is no such loss, or class weights are given and none of the losses
            takes them.
    """
    return terms_of(BY_PIXEL, BY_REGION, names, (logits, target, weight), class_weights)


def terms_of(
    by_pixel: Mapping[str, Callable[..., Any]],
    by_region: Mapping[str, Callable[..., Any]],
    names: Mapping[str, float],
    maps: tuple[Any, Any, Any],
    class_weights: Any,
) -> dict[str, Any]:
    """`weighted_sum` by the losses of any framework.

    Args:
        by_pixel, by_region: the losses that take class weights, and those that do not.
        names: loss name -> its weight in the sum.
        maps: logits, target and weight.
        class_weights: or None.
    """
    check_losses(names, class_weights is not None)
    return {
        name: factor
        * (by_pixel[name](*maps, class_weights) if name in by_pixel else by_region[name](*maps))
        for name, factor in names.items()
    }


def check_losses(names: Mapping[str, float], has_class_weights: bool = False) -> None:
    """Refuse losses that do not exist, and class weights that nothing would use.

    Raises:
        PixelwiseError: see above.
    """
    choices = [*BY_PIXEL, *BY_REGION]
    for name in names:
        if name not in choices:
            raise PixelwiseError(f"No loss is called '{name}'. There are: {', '.join(choices)}.")
    if has_class_weights and not any(name in BY_PIXEL for name in names):
        raise PixelwiseError(
            f"Class weights are for {', '.join(BY_PIXEL)}, and the losses are {', '.join(names)}. "
            "Leave them out, or add one of the first."
        )


def _precise(values: Tensor) -> Tensor:
    """At least float32: sums over pixels overflow float16 and round away in bfloat16."""
    return values if values.dtype == torch.float64 else values.float()


def _log_probs(logits: Tensor) -> Tensor:
    """(B, C or 2, h, w) log-probabilities; from the logits, so that -100 does not become log 0."""
    logits = _precise(logits)
    if logits.shape[1] == 1:
        return torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], dim=1)
    return logits.log_softmax(dim=1)


def _probs(logits: Tensor) -> Tensor:
    """(B, C, h, w) probabilities; for one channel, the foreground's."""
    logits = _precise(logits)
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)


def _shares(logits: Tensor, target: Tensor) -> Tensor:
    """(B, C or 2, h, w) class shares, in step with `_log_probs`."""
    assert target.shape == logits.shape, (target.shape, logits.shape)
    target = target.to(_precise(logits).dtype)
    return torch.cat([1 - target, target], dim=1) if logits.shape[1] == 1 else target


def _average(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted average of (B, 1, h, w) over the known pixels of the batch."""
    weight = weight.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=_EPS)


def _class_average(
    costs: Tensor, shares: Tensor, weight: Tensor, class_weights: Tensor | None
) -> Tensor:
    """The average over known pixels of what each class costs times its share there.

    Args:
        costs, shares: (B, C, h, w).
        weight: (B, 1, h, w).
        class_weights: (C,) or None for 1.
    """
    if class_weights is not None:
        shares = shares * class_weights.to(shares).view(1, -1, 1, 1)
    weight = weight.to(shares.dtype)
    total = weight.sum() if class_weights is None else (shares * weight).sum()
    return (costs * shares * weight).sum() / total.clamp(min=_EPS)
