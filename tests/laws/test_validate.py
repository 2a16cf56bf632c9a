"""Which weights a run keeps."""

import numpy as np

from pixelwise.validate import is_as_good


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
