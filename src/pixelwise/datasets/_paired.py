"""The dataset behind every layout of pictures with mask files: a slim table of cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pixelwise.datasets._derive import FOREGROUND, settle
from pixelwise.datasets._files import glimpse
from pixelwise.datasets._formats import foreign_notes
from pixelwise.datasets._ids import TABLE, Kinds, category_names, kinds_of, read_ids, read_table
from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._masks import MaskMeaning, read_labels
from pixelwise.datasets._names import read_names
from pixelwise.datasets._pairs import Pair, Pairs
from pixelwise.datasets._parts import note_on_parts, read_parts
from pixelwise.datasets._pictures import image_size_hw, read_image
from pixelwise.datasets._trimaps import meaning_of_trimaps, refuse_lines
from pixelwise.types import Annotation, Category, PixelwiseError, Sample

_NO_GROUPS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Paired:
    """Pictures with a mask file each. Opening it touches no picture; see `Dataset`.

    ``pairs`` hold paths relative to ``root``; ``groups`` are named facts by id. ``table`` tells
    what numbered objects are, see `pixelwise.datasets._ids`.
    """

    layout: str
    root: Path
    pairs: tuple[Pair, ...]
    meaning: MaskMeaning
    groups: Mapping[str, Mapping[str, str]]
    unpaired: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    table: Mapping[str, Kinds] = field(default_factory=dict, repr=False)
    white_level: float | None = None

    @property
    def categories(self) -> tuple[Category, ...]:
        """Index -> category."""
        return self.meaning.categories

    @property
    def masks(self) -> str:
        """The option that reads another folder's masks the same way."""
        return str(self.meaning)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        pair = self.pairs[index]
        image = self.root / pair.image
        masks = tuple(self.root / mask for mask in pair.masks)
        return Sample(
            id=pair.id,
            files=(image, *masks),
            read_image=partial(read_image, image, self.white_level),
            read_annotation=partial(
                _read_annotation, image, masks, self.meaning, kinds_of(self.table, pair.mask)
            ),
            groups=self.groups.get(pair.id, _NO_GROUPS),
            split=pair.split,
        )


def open_paired(
    layout: str,
    root: Path,
    found: Pairs,
    masks: str,
    *,
    foreground: str = FOREGROUND,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    meaning: MaskMeaning | None = None,
    notes: Sequence[str] = (),
) -> Paired:
    """A dataset from pairs: what the masks mean is settled here, unless the layout knows.

    Raises:
        PixelwiseError: no pair, or masks that could mean two things.
    """
    if not found.pairs:
        raise PixelwiseError(_no_pairs(root, found))
    refuse_lines(root, found.pairs)
    if meaning is None and masks == "auto" and read_names(root) is None:
        meaning, *told = meaning_of_trimaps(root, found.pairs, foreground) or (None,)
        notes = (*notes, *told)
    if meaning is None:
        files = [root / mask for pair in found.pairs for mask in pair.masks]
        meaning, decided = settle(masks, files, read_names(root), foreground)
        notes = (*notes, *decided)
    notes = (*notes, *note_on_parts(root, found.pairs, meaning))
    meaning, table = _with_table(root, meaning, masks)
    notes = (*notes, f"{TABLE} tells what the objects are.") if table else notes
    return Paired(
        layout,
        root,
        found.pairs,
        meaning,
        groups or {},
        tuple(root / file for file in found.unpaired),
        (*found.notes, *notes),
        table,
    )


def _with_table(
    root: Path, meaning: MaskMeaning, masks: str
) -> tuple[MaskMeaning, Mapping[str, Kinds]]:
    """What a table tells of numbered objects, unless the user called all of them by one name."""
    is_asked = masks in ("auto", "ids") or len(meaning.categories) > 2
    table = read_table(root) if meaning.kind == "ids" and is_asked else {}
    if table and len(meaning.categories) == 2:
        meaning = MaskMeaning("ids", thing_categories(category_names(table)))
    return meaning, table


def _read_annotation(
    image: Path, masks: tuple[Path, ...], meaning: MaskMeaning, kinds: Kinds | None
) -> Annotation:
    size_hw = image_size_hw(image)
    if len(masks) > 1:
        return read_parts(masks, meaning, size_hw)
    if meaning.kind == "ids":
        return read_ids(masks[0], meaning, size_hw, kinds)
    return Annotation(read_labels(masks[0], meaning, size_hw))


_EXPECTED = (
    "Expected, for example, images/NAME.jpg with masks/NAME.png, or NAME.jpg beside NAME_mask.png."
)

_OTHER_FORMS = (
    *(".json", ".geojson", ".xml", ".mat", ".npy", ".npz", ".h5", ".hdf5", ".roi"),
    *("roiset.zip", "rois.zip"),
)


def _no_pairs(root: Path, found: Pairs) -> str:
    images = [file for file in found.unpaired if file not in found.masks]
    foreign = "".join(f" {note}" for note in foreign_notes(glimpse(root)))
    if found.masks and images:
        return (
            f"No mask in {root} has the name of a picture: {len(images)} pictures such as "
            f"{images[0]}, {len(found.masks)} masks such as {min(found.masks)}. {_EXPECTED}"
        )
    if found.masks:
        return f"{root} holds {len(found.masks)} masks and no pictures.{foreign} {_EXPECTED}"
    if not images and not found.derived:
        return f"{root} holds no pictures that could have masks.{foreign} {_EXPECTED}"
    one = next(iter(images), min(found.derived, default=""))
    found_images = f"{root} holds {len(images)} pictures such as {one}, but no masks."
    return f"{found_images}{foreign} {_on_derived(found) or _cure(root)}"


def _on_derived(found: Pairs) -> str:
    """What is there in the place of masks, and how to make masks of it; "" for nothing."""
    told = {
        "probabilities": "probabilities: save what is to be found as a mask (in ilastik, export "
        "the Simple Segmentation)",
        "features": "features: export the masks instead",
        "drawings": "a drawing for people to look at: export the masks instead",
        "parts of objects": "parts of objects: put the masks of the objects there",
    }
    return " ".join(
        f"{min(file for file in found.derived if found.derived[file] == kind)} holds {told[kind]}."
        for kind in sorted(set(found.derived.values()))
    )


def _cure(root: Path) -> str:
    """Where outlines are there in another form, say so instead of repeating the layout."""
    other = [file for file in glimpse(root) if file.lower().endswith(_OTHER_FORMS)]
    if other:
        return (
            f"Outlines in other forms ({other[0]}) are not read: export them as mask pictures, "
            "for example masks/NAME.png."
        )
    return _EXPECTED
