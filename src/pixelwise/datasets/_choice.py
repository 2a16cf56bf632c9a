"""Which of several masks of one image is the one, where their names tell; else a question.

NAME_mask with NAME_mask_1 are parts of one annotation. A mask drawn in colours for people to look
at goes after the one with the numbers, and a fundus camera's field of view (mask/) after what was
drawn by hand (manual/). Two observers' drawings are asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pixelwise.datasets._affixes import is_colored, name_of, number_of_mask, observer_of
from pixelwise.datasets._files import folder_of
from pixelwise.datasets._roles import words_of
from pixelwise.types import PixelwiseError

_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif")
_COLOR_WORDS = frozenset(
    (
        *("color", "colour", "colored", "coloured", "colors", "colours", "colormap", "colormaps"),
        *("colormask", "colormasks", "rgb"),
    )
)
# With the numbers of their folders: 1st_manual, manual2, Annotator 1.
_OBSERVERS = frozenset(("manual", "annotator", "observer", "rater", "expert", "reader", "grader"))


def without_fields_of_view(masks: Iterable[str]) -> tuple[set[str], tuple[str, ...]]:
    """The masks without those that only say where a fundus camera sees, and a note about them.

    DRIVE and HRF keep them in mask/, beside what was drawn by hand in 1st_manual/ or manual1/.
    """
    kept = set(masks)
    by_hand = {mask for mask in kept if _is_by_hand(mask)}
    fields = {mask for mask in kept - by_hand if _is_called_mask(mask)} if by_hand else set()
    if not fields:
        return kept, ()
    return kept - fields, (
        f"{len(fields)} files such as {min(fields)} are taken for fields of view and not read: "
        f"{min(by_hand)} and its like were drawn by hand.",
    )


def choose(image: str, masks: Sequence[str]) -> tuple[str, ...]:
    """The mask of an image, or all the parts it is in.

    Raises:
        PixelwiseError: the names do not tell which of the masks it is.
    """
    kept = _unless_all(masks, lambda mask: mask.lower().endswith(_LOSSY))
    kept = _unless_all(kept, is_for_looking)
    if len(kept) == 1 or _are_parts(kept):
        return tuple(kept)
    if len({_observer(mask) for mask in kept} - {None}) == len(kept):
        raise PixelwiseError(
            f"{image} was drawn by several people: {kept[0]} and {kept[1]}. Keep the masks of one "
            "of them in the folder and move the others out."
        )
    raise PixelwiseError(
        f"Two masks fit {image}: {kept[0]} and {kept[1]}. Take one of them out, or give the "
        "folder that holds only one of each."
    )


def _unless_all(masks: Sequence[str], goes: Callable[[str], bool]) -> Sequence[str]:
    """The masks without those that go, if any stays."""
    return [mask for mask in masks if not goes(mask)] or masks


def is_for_looking(mask: str) -> bool:
    """Whether a mask is drawn in colours for people to look at, by its name or its folder."""
    return is_colored(name_of(mask)) or bool(_COLOR_WORDS.intersection(words_of(folder_of(mask))))


def _are_parts(masks: Sequence[str]) -> bool:
    """Whether all but one are counted: NAME_mask and NAME_mask_1, or NAME_mask_1 and NAME_mask_2.

    A number after somebody's name counts people (manual1, GT2) and not parts.
    """
    if len({folder_of(mask) for mask in masks}) > 1:
        return False
    counted = [number_of_mask(name_of(mask)) for mask in masks if _observer(mask) is None]
    cores = {found[0].casefold() for found in counted if found}
    return len(counted) == len(masks) and len(cores) == 1 and counted.count(None) <= 1


def _observer(mask: str) -> str | None:
    """Who drew a mask, by its name or its folder."""
    if found := observer_of(name_of(mask)):
        return found.casefold()
    for part in reversed(folder_of(mask).split("/")):
        words = words_of(part)
        numbered = _OBSERVERS.intersection(words) and any(word.isdigit() for word in words)
        if numbered or {"ah", "vk"}.intersection(words):
            return part.casefold()
    return None


def _is_by_hand(mask: str) -> bool:
    name = name_of(mask)
    if "manual" in words_of(folder_of(mask).rpartition("/")[2]) or name.upper().endswith("HO"):
        return True
    return "manual" in name.lower() and "manual" in words_of(name)[-2:]


def _is_called_mask(mask: str) -> bool:
    words = words_of(folder_of(mask).rpartition("/")[2])
    return "mask" in words or "fov" in words or name_of(mask).lower().endswith(("mask", "fov"))
