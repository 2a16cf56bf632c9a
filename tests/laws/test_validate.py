"""Which weights a run keeps."""

import numpy as np
import pytest

from pixelwise.validate import has_plateaued, is_as_good


def test_the_first_and_the_better_are_kept():
    assert is_as_good(np.array([0.2, 0.4]), [])
    assert is_as_good(np.array([0.5, 0.5, 0.6]), [0.4, 0.5, 0.5])


def test_what_noise_explains_is_kept_and_what_it_does_not_is_not():
    best = np.random.default_rng(0).uniform(0.6, 0.9, 24)
    noise = np.random.default_rng(1).normal(0, 0.05, 24)
    assert is_as_good(best - 0.002 + noise - noise.mean(), list(best))
    assert not is_as_good(best - 0.02 + noise - noise.mean(), list(best))
    assert not is_as_good(best - 0.002, list(best)), "a little, but of every picture"


def test_one_picture_has_no_noise_to_hide_in():
    assert is_as_good(np.array([0.5]), [0.5]) and not is_as_good(np.array([0.49]), [0.5])


def stops_at(scores: list[float], patience: int = 10) -> int | None:
    """The validation of 20 after which training stops; None where it takes all its steps."""
    kept, best = 0, -1.0
    for number, score in enumerate(scores, start=1):
        if score >= best:
            kept, best = number, score
        if has_plateaued(scores[:number], kept, len(scores), patience):
            return number
    return None


RISING = [0.02 * k**1.2 for k in range(20)]


@pytest.mark.parametrize("patience", [1, 2, 3, 5, 10, 15])
@pytest.mark.parametrize(
    "first",
    [
        [0.3],  # weights by chance that call everything foreground
        [0.3, 0.31, 0.32],
        [0.3] * 5,
        [0.05, 0.0, 0.0, 0.0],
        [0.0] * 8,
        [0.1, 0.2, 0.1, 0.05, 0.0],
    ],
)
def test_training_does_not_stop_while_the_first_scores_are_the_best(first, patience):
    for slow in (1, 2):
        rise = [score / slow for score in RISING]
        assert stops_at([*first, *rise][:20], patience) is None
    assert stops_at([*first, *([0.0] * 20)][:20], patience) is None


def test_a_dip_from_which_the_score_rises_again_is_waited_for():
    dip = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
    assert stops_at([*dip, 0.65, 0.7, 0.75, 0.8], patience=5) is None


@pytest.mark.parametrize(("patience", "stop"), [(3, 10), (5, 12), (10, 17), (0, None), (14, None)])
def test_training_stops_where_the_score_has_risen_and_falls(patience, stop):
    assert stops_at([0.1 * k for k in range(7)] + [0.6 - 0.01 * k for k in range(1, 14)], 0) is None
    scores = [0.1 * k for k in range(1, 8)] + [0.7 - 0.01 * k for k in range(1, 14)]
    assert stops_at(scores, patience) == stop


def test_a_flat_score_below_the_best_stops_training():
    assert stops_at([0.1, 0.3, 0.5, 0.6, 0.7, 0.8, *([0.7] * 14)], patience=4) == 10
