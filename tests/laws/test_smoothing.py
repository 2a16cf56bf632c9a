"""The one-euro filter: as in the paper, one joint at a time."""

import math

import numpy as np
import pytest

from pixelwise.smoothing import OneEuro


def by_the_paper(values, times, cutoff_hz, beta, size_px, others=None):
    """Algorithm 1 of Casiez et al. 2012, written out for one signal (or two of one point)."""

    def alpha(cutoff, period):
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / period)

    signals = [values] if others is None else [values, others]
    smooth, slope, last = [signal[0] for signal in signals], [0.0] * len(signals), times[0]
    out = [tuple(smooth)]
    for place in range(1, len(times)):
        period = times[place] - last
        for index, signal in enumerate(signals):
            change = (signal[place] - smooth[index]) / period
            share = alpha(1.0, period)
            slope[index] = share * change + (1 - share) * slope[index]
        cutoff = cutoff_hz + beta * math.hypot(*slope) / size_px
        share = alpha(cutoff, period)
        for index, signal in enumerate(signals):
            smooth[index] = share * signal[place] + (1 - share) * smooth[index]
        out.append(tuple(smooth))
        last = times[place]
    return np.array(out)


def walk(seed=0, frames=40, joints=5):
    """(T, K, 2) places in px, and T times with an uneven step."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(0, 6, (frames, joints, 2)), axis=0), np.cumsum(
        rng.uniform(0.02, 0.06, frames)
    )


def run(places, times, size_px=80.0, **settings):
    smooth = OneEuro(**settings)
    return np.stack([smooth(xy, time, size_px) for xy, time in zip(places, times, strict=True)])


@pytest.mark.parametrize(("cutoff", "beta"), [(1.0, 0.0), (0.5, 3.0), (4.0, 0.7)])
def test_it_is_the_papers_filter(cutoff, beta):
    places, times = walk()
    out = run(places, times, cutoff_hz=cutoff, cutoff_per_speed=beta)
    for joint in range(places.shape[1]):
        x, y = places[:, joint, 0], places[:, joint, 1]
        expected = by_the_paper(x, times, cutoff, beta, 80.0, y)
        np.testing.assert_allclose(out[:, joint], expected, rtol=1e-12)
    flat = places * (1, 0)
    one = by_the_paper(places[:, 0, 0], times, cutoff, beta, 80.0)
    np.testing.assert_allclose(
        run(flat, times, cutoff_hz=cutoff, cutoff_per_speed=beta)[:, 0, :1], one, rtol=1e-12
    )


def test_pictures_of_any_size_and_turn_are_smoothed_alike():
    places, times = walk()
    out = run(places, times)
    np.testing.assert_allclose(run(places * 3, times, 240.0), out * 3)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(run(places @ turn, times), out @ turn)
    assert not np.allclose(run(places, times, 20.0), out)


def test_what_stands_still_stops_shaking_and_what_moves_does_not_lag():
    rng, times = np.random.default_rng(1), np.arange(200) / 25
    still = 100 + rng.normal(0, 3, (200, 17, 2))
    assert run(still, times)[50:].std(axis=0).mean() < 0.6 * 3
    moving = np.zeros((200, 1, 2))
    moving[:, 0, 0] = 300 * times
    assert (moving - run(moving, times))[50:, 0, 0].max() < 300 * 0.03


def test_missing_joints_stay_missing_and_come_back():
    places, times = walk()
    places[10:14, 2] = np.nan
    out = run(places, times)
    assert np.array_equal(np.isnan(out), np.isnan(places))
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(out[:, others], run(places[:, others], times))
    kept = np.delete(np.arange(len(times)), np.arange(10, 14))
    np.testing.assert_allclose(out[kept, 2], run(places[kept][:, 2:3], times[kept])[:, 0])


def test_after_a_long_while_a_joint_begins_anew():
    places, times = walk()
    places[20:, 1] += 500
    times[20:] += 0.6
    out = run(places, times)
    assert np.array_equal(out[20], places[20])
    np.testing.assert_allclose(out[20:], run(places[20:], times[20:]))


def test_its_input_is_left_alone_and_half_a_point_is_none():
    smooth, xy = OneEuro(), np.array([[1.0, 2.0], [np.nan, 5.0]], np.float32)
    first = smooth(xy, 0.0, 10.0)
    second = smooth(xy + 1, 0.04, 10.0)
    assert np.isnan(first[1]).all() and first[0].tolist() == [1, 2]
    assert 1 < second[0, 0] < 2 and xy[0].tolist() == [1, 2]
