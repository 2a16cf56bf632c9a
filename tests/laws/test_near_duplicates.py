"""One image in several files is found, and different images are not taken for one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from discs import draw_disc
from pixelwise.appearance import (
    CLOSE_BITS,
    TURNS,
    Appearance,
    appearance_of,
    code_signs,
    low_frequencies,
    turned,
    turned_frequencies,
)
from pixelwise.contents import Contents, SeenImages
from pixelwise.near_duplicates import agreement, near_duplicates
from pixelwise.types import Image

Change = Callable[[Image], Image]


def scene(seed: int, size_hw: tuple[int, int] = (180, 240)) -> Image:
    """Blobs of many sizes, as no two scenes share."""
    rng = np.random.default_rng(seed)
    image = np.full((*size_hw, 3), rng.uniform(90, 160, 3), np.float32)
    for _ in range(40):
        center = (int(rng.integers(size_hw[1])), int(rng.integers(size_hw[0])))
        cv2.circle(image, center, int(rng.integers(3, 30)), rng.uniform(20, 235, 3).tolist(), -1)
    image = cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def as_jpeg(quality: int) -> Change:
    def change(image: Image) -> Image:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return change


def resized(scale: float) -> Change:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return lambda image: np.asarray(
        cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), np.uint8
    )


def cropped(share: float) -> Change:
    def change(image: Image) -> Image:
        height, width = image.shape[:2]
        top, left = round(share * height), round(share * width)
        return np.ascontiguousarray(image[top:, left : width - left // 2])

    return change


CHANGES: dict[str, Change] = {
    "jpeg 50": as_jpeg(50),
    "jpeg 20": as_jpeg(20),
    "half": resized(0.5),
    "larger": resized(1.6),
    "half and jpeg": lambda image: as_jpeg(50)(resized(0.5)(image)),
    "brighter": lambda image: np.clip(image * 1.15 + 10, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.7).astype(np.uint8),
    "gamma": lambda image: (255 * (image / 255) ** 0.7).astype(np.uint8),
    "square": lambda image: np.asarray(cv2.resize(image, (128, 128)), np.uint8),
    "cropped by 2 %": cropped(0.02),
    "cropped by 4 %": cropped(0.04),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "turned": lambda image: np.ascontiguousarray(np.rot90(image)),
    "grey": lambda image: np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2),
}


def looks(images: list[Image]) -> dict[str, Appearance]:
    return {f"p{index:03}": appearance_of(image) for index, image in enumerate(images)}


@pytest.mark.parametrize("name", CHANGES)
def test_an_image_changed_a_little_is_found(name):
    images = [scene(seed) for seed in range(8)]
    found = near_duplicates(looks([*images, CHANGES[name](images[3])]))
    assert found == (("p003", "p008"),)


def test_all_copies_of_one_image_are_one_group_and_their_order_does_not_matter():
    images = [scene(0), scene(1), as_jpeg(60)(scene(0)), scene(0), resized(0.5)(scene(0))]
    given = looks(images)
    group = (("p000", "p002", "p003", "p004"),)
    assert near_duplicates(given) == group
    assert near_duplicates(dict(reversed(given.items()))) == group


def test_different_images_are_not_taken_for_one():
    assert near_duplicates(looks([scene(seed) for seed in range(30)])) == ()


def test_simple_images_that_differ_are_not_taken_for_one():
    assert near_duplicates(looks([draw_disc(index)[0] for index in range(120)])) == ()


def test_what_one_camera_puts_into_every_image_is_not_what_it_shows():
    """A round field of view with a sharp rim; within it, other vessels each time."""
    rows, columns = np.mgrid[:200, :200] - 99.5
    is_outside = rows**2 + columns**2 > 92**2
    images = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        image = np.full((200, 200, 3), (170, 90, 40), np.float32)
        for _ in range(10):
            steps = np.cumsum(rng.normal(0, 6, (30, 2)) + rng.normal(0, 4, 2), axis=0) + 100
            cv2.polylines(image, [steps.astype(np.int32)], False, (110, 40, 15), 3)
        image = cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 2, image.shape)
        image[is_outside] = 0
        images.append(np.clip(image, 0, 255).astype(np.uint8))
    assert near_duplicates(looks(images)) == ()


def test_blank_images_look_like_nothing():
    blank = [np.full((40, 50, 3), value, np.uint8) for value in (0, 10, 200)]
    assert not any(look.code for look in looks(blank).values())
    assert near_duplicates(looks(blank)) == ()


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (7, 5), (64, 64), (400, 3)])
def test_every_size_has_an_appearance(size_hw):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*size_hw, 3), np.uint8)
    one, two = appearance_of(image), appearance_of(image.copy())
    assert one.pixels == two.pixels and one.code == two.code
    assert one.thumbnail.shape == (64, 64)


def test_images_of_the_same_bytes_and_another_size_are_not_the_same():
    image = np.arange(6 * 4 * 3, dtype=np.uint8)
    shapes = [(6, 4, 3), (4, 6, 3), (3, 8, 3)]
    assert len({appearance_of(image.reshape(shape)).pixels for shape in shapes}) == 3


def test_an_image_agrees_with_itself_and_not_with_another():
    a, b = (appearance_of(scene(seed)).thumbnail for seed in (0, 1))
    assert agreement(a, a) == pytest.approx(1, abs=1e-3)
    assert agreement(a, b) < 0.5


@pytest.mark.parametrize("turn", range(TURNS))
def test_frequencies_are_turned_as_thumbnails_are(turn):
    thumbnail = appearance_of(scene(3)).thumbnail
    ours = turned_frequencies(low_frequencies(thumbnail), turn)
    theirs = low_frequencies(turned(thumbnail, turn))
    np.testing.assert_allclose(ours, theirs, atol=1e-2)


def test_codes_go_through_text():
    codes = [appearance_of(scene(seed)).code for seed in (0, 1)]
    signs = code_signs(codes)
    assert signs.shape == (2, 256) and set(np.unique(signs)) == {-1, 1}
    assert (signs[0] @ signs[0]) == 256 and (256 - signs[0] @ signs[1]) / 2 > CLOSE_BITS


# --- what a split keeps together, and what was seen ----------------------------------------------


def contents(images: list[Image]) -> Contents:
    given = looks(images)
    return Contents({name: f"file of {name}" for name in given}, {}, given)


def test_the_same_pixels_in_other_files_have_one_key_and_no_sentence():
    found = contents([scene(0), scene(1), scene(0), scene(2)])
    keys, notes = found.together(fewest=2)
    assert keys["p000"] == keys["p002"] and len(set(keys.values())) == 3 and not notes


def test_near_duplicates_have_one_key_with_the_copies_of_each():
    images = [scene(0), scene(0), as_jpeg(50)(scene(0)), *(scene(seed) for seed in range(1, 8))]
    keys, notes = contents(images).together(fewest=4)
    assert keys["p000"] == keys["p001"] == keys["p002"] and len(set(keys.values())) == 8
    assert "1 group of images looks alike (3 images" in notes[0] and "kept in one part" in notes[0]


def test_a_film_that_cannot_be_kept_together_is_parted_and_that_is_said():
    frames = [as_jpeg(quality)(scene(0)) for quality in range(30, 90, 5)]
    keys, notes = contents([*frames, scene(1), scene(2)]).together(fewest=3)
    assert len(set(keys.values())) == len(frames) + 2
    assert "12 of 14 images look alike" in notes[0] and "column 'video'" in notes[0]


def test_frames_that_are_known_to_be_of_one_video_get_no_sentence():
    frames = [as_jpeg(quality)(scene(0)) for quality in range(30, 90, 10)]
    found = contents([*frames, *(scene(seed) for seed in range(1, 6))])
    video = frozenset({("video", "one")})
    tied = Contents(
        found.fingerprints, {}, found.appearances, {f"p{index:03}": video for index in range(6)}
    )
    assert found.near and not tied.near and tied.together(fewest=4)[1] == ()


@pytest.mark.parametrize("name", [name for name in CHANGES if "cropped" not in name])
def test_what_was_seen_is_recognised_when_it_was_saved_again(name):
    before = contents([scene(seed) for seed in range(6)])
    seen = SeenImages([before.entry(each, "train") for each in before.fingerprints])
    now = contents([CHANGES[name](scene(4)), scene(9), scene(2)])
    now = Contents({each: f"new {each}" for each in now.fingerprints}, {}, now.appearances)
    samples = [type("S", (), {"id": each})() for each in now.fingerprints]
    assert seen.among(samples, now) == {"p000": "near", "p002": "same"}


def test_where_nothing_was_seen_nothing_is_known():
    found = contents([scene(0)])
    assert SeenImages([]).among([], found) == {}
    blank = {"fingerprint": "", "pixels": "", "code": ""}
    seen = SeenImages([blank, {"fingerprint": "unreadable"}])
    assert not seen.same_files({"a": "unreadable", "b": ""})
