"""The dataset behind every layout of pictures with mask files: a slim table of cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pixelwise.datasets._derive import FOREGROUND, settle
from pixelwise.datasets._ids import TABLE, Kinds, category_names, kinds_of, read_ids, read_table
from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._masks import MaskMeaning, read_labels
from pixelwise.datasets._names import read_names
from pixelwise.datasets._no_pairs import why_no_pairs
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
        raise PixelwiseError(why_no_pairs(root, found))
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
