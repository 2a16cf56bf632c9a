"""Who learns and who is asked: parts of a dataset that share nothing, from a seed.

Images of one patient, lesion, video or clip (`types.TOGETHER`), copies and near-duplicates
(`contents`) stay together, because a network that has seen the one has seen the other. Among such
units the diagnosis (`types.STRATA`) is balanced. The result depends on the ids, the facts and the
seed, not on the order of listing: units are ordered by a hash of seed and id, so that adding images
moves few of the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from pixelwise.contents import read_contents
from pixelwise.fingerprints import UNREADABLE
from pixelwise.fingerprints import dataset_fingerprint as dataset_fingerprint
from pixelwise.fingerprints import fingerprint as fingerprint
from pixelwise.types import STRATA, TOGETHER, PixelwiseError, Sample

PARTS = ("train", "val", "test")
FEWEST = 4
"""Fewer pictures than this cannot be split into three parts and leave anything to learn from."""


@dataclass(frozen=True)
class Split:
    """``parts``: sample id -> "train", "val" or "test". ``warnings``: a sentence for each doubt."""

    parts: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def ids(self, part: str) -> tuple[str, ...]:
        """The samples of one part, sorted."""
        return tuple(sorted(name for name, each in self.parts.items() if each == part))


@dataclass(frozen=True)
class Leak:
    """Something that is on two sides: one picture ("picture"), one patient, one clip, ...

    ``fact``: "picture" or a key of `types.TOGETHER`. ``value``: a fingerprint, or the fact's value.
    """

    fact: str
    value: str
    ids: tuple[str, ...]


def make_split(
    samples: Sequence[Sample],
    seed: int,
    val: float = 0.1,
    test: float = 0.2,
    *,
    fingerprints: Mapping[str, str] | None = None,
) -> Split:
    """Split a dataset into train, val and test.

    Parts that the folder declares are kept as they are; a missing val is carved out of train, and
    a missing test stays missing. With fewer than three units to keep together, test gets a whole
    unit and val pictures of the training units; with one unit test shares it too. Both are said in
    ``warnings``.

    Args:
        samples: the cases; only ids, groups, split and, for copies, the image files are looked at.
        seed: another seed is another split.
        val, test: shares of all pictures.
        fingerprints: id -> what is equal for images that must stay together because they are one
            image, or nearly (`contents.Contents.together`); computed when not given.

    Raises:
        PixelwiseError: fewer than four pictures.
    """
    _refuse_few(len(samples))
    prints, notes = _keys(samples, fingerprints, FEWEST)
    if "train" in {sample.split for sample in samples} and _is_declared(samples):
        split = _declared(samples, seed, val, prints)
    else:
        split = _own(samples, seed, {"val": val, "test": test}, prints)
    return replace(split, warnings=(*notes, *split.warnings))


def make_folds(
    samples: Sequence[Sample],
    folds: int,
    seed: int,
    val: float = 0.1,
    *,
    fingerprints: Mapping[str, str] | None = None,
) -> tuple[Split, ...]:
    """Splits for cross-validation: each picture is in the test part of exactly one of them.

    Args:
        samples, seed, fingerprints: as for `make_split`.
        folds: how many.
        val: share of the pictures outside the test fold that choose the weights.

    Raises:
        PixelwiseError: fewer than two folds, or fewer units to keep together than folds.
    """
    _refuse_few(len(samples))
    prints, notes = _keys(samples, fingerprints, max(FEWEST, folds))
    units = _units(samples, prints)
    if not 2 <= folds <= len(units):
        raise PixelwiseError(
            f"{folds} folds were asked for; from 2 to {len(units)} are possible, because "
            f"{len(samples)} pictures form {len(units)} groups that must stay together."
        )
    names = tuple(f"fold {fold}" for fold in range(folds))
    dealt = _deal(units, dict.fromkeys(names, 1 / folds), seed)
    unused = ["The folder's own train and test parts are not used in a cross-validation."]
    warnings = [*notes, *(unused if _is_declared(samples) else [])]
    return tuple(_fold(samples, dealt, name, seed, val, prints, warnings) for name in names)


def make_group_folds(
    samples: Sequence[Sample],
    fact: str,
    seed: int,
    val: float = 0.1,
    *,
    fingerprints: Mapping[str, str] | None = None,
) -> tuple[Split, ...]:
    """Splits that leave out one value of a fact each: how a model does at a place it never saw.

    Pictures that must stay together and are of several values go to the value most of them have.

    Args:
        samples, seed, val, fingerprints: as for `make_folds`.
        fact: a key of `Sample.groups`, such as "source" or "site".

    Raises:
        PixelwiseError: see `group_values`; or a value all of whose pictures went to others.
    """
    prints, notes = _keys(samples, fingerprints, FEWEST)
    groups = {sample.id: sample.groups.get(fact, "") for sample in samples}
    values = group_values(samples, fact)
    dealt: dict[str, str] = {}
    for unit in _units(samples, prints):
        counts = Counter(groups[name] for name in unit.ids)
        most = max(sorted(counts), key=lambda each: counts[each])
        dealt |= dict.fromkeys(unit.ids, most)
    if emptied := sorted(set(values) - set(dealt.values())):
        raise PixelwiseError(
            f"All pictures of {fact} {emptied[0]} belong with pictures of another {fact} (the same "
            "patient, clip or copies), so it cannot be left out. Correct the table of facts."
        )
    return tuple(_fold(samples, dealt, value, seed, val, prints, notes) for value in values)


def group_values(samples: Sequence[Sample], fact: str) -> tuple[str, ...]:
    """The values of a fact, sorted.

    Raises:
        PixelwiseError: a picture without the fact, or fewer than two values.
    """
    values = tuple(sorted({sample.groups.get(fact, "") for sample in samples}))
    lacking = sum(not sample.groups.get(fact) for sample in samples)
    if lacking or len(values) < 2:
        known = sorted({key for sample in samples for key in sample.groups})
        raise PixelwiseError(
            f"To leave out one '{fact}' at a time every picture must have one, and there must be "
            f"two or more: {lacking} of {len(samples)} pictures have none, and there are "
            f"{len(set(values) - {''})}. The pictures have: {', '.join(known) or 'no facts'}."
        )
    return values


def leaks(
    samples: Iterable[Sample], parts: Mapping[str, str], fingerprints: Mapping[str, str]
) -> tuple[Leak, ...]:
    """What is in more than one part: the same image first, then patients, clips and so on."""
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for sample in samples:
        for tie in _ties(sample, fingerprints):
            holders[tie].append(sample.id)
    order = ("picture", *TOGETHER)
    found = [
        Leak(fact, value, tuple(sorted(ids)))
        for (fact, value), ids in holders.items()
        if len({parts[name] for name in ids if name in parts}) > 1
    ]
    return tuple(sorted(found, key=lambda leak: (order.index(leak.fact), leak.ids)))


def _keys(
    samples: Sequence[Sample], given: Mapping[str, str] | None, fewest: int
) -> tuple[Mapping[str, str], Sequence[str]]:
    """What is equal for one image in several files, and a sentence where there are such."""
    return (given, ()) if given is not None else read_contents(samples).together(fewest)


# --- units: what must stay together --------------------------------------------------------------


@dataclass(frozen=True)
class _Unit:
    """Pictures that stay together. ``stratum``: what most of them are."""

    ids: tuple[str, ...]
    stratum: str = field(compare=False)

    def rank(self, seed: int) -> str:
        """A place in line that depends on nothing but the seed and the unit's first id."""
        return blake2b(f"{seed}\t{self.ids[0]}".encode(), digest_size=16).hexdigest()


def _ties(
    sample: Sample, prints: Mapping[str, str], facts: Sequence[str] = TOGETHER
) -> list[tuple[str, str]]:
    ties = [(fact, sample.groups[fact]) for fact in facts if sample.groups.get(fact)]
    content = prints.get(sample.id, UNREADABLE)
    return ties if content == UNREADABLE else [*ties, ("picture", content)]


def _units(
    samples: Sequence[Sample], prints: Mapping[str, str], facts: Sequence[str] = TOGETHER
) -> list[_Unit]:
    """Join whatever shares a fact, and what shares with that, and so on (union-find)."""
    parent = {sample.id: sample.id for sample in samples}
    first: dict[tuple[str, str], str] = {}
    for sample in samples:
        for tie in _ties(sample, prints, facts):
            one, other = _root(parent, sample.id), _root(parent, first.setdefault(tie, sample.id))
            parent[max(one, other)] = min(one, other)
    members: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: sample.id):
        members[_root(parent, sample.id)].append(sample)
    return [_unit(members[root]) for root in sorted(members)]


def _root(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def _unit(samples: Sequence[Sample]) -> _Unit:
    strata = Counter(stratum(sample) for sample in samples)
    most = max(sorted(strata), key=lambda each: strata[each])
    return _Unit(tuple(sample.id for sample in samples), most)


def stratum(sample: Sample) -> str:
    """What a split balances, in words; "" where nothing is known."""
    return ", ".join(sample.groups[fact] for fact in STRATA if sample.groups.get(fact))


# --- dealing out ---------------------------------------------------------------------------------


def _deal(units: Sequence[_Unit], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Unit by unit, large ones first, to the part that lacks most of this stratum: id -> part."""
    total = sum(len(unit.ids) for unit in units)
    sizes = Counter[str]()
    for unit in units:
        sizes[unit.stratum] += len(unit.ids)
    given: Counter[tuple[str, str]] = Counter()
    have: Counter[str] = Counter()
    dealt: dict[str, str] = {}
    # Rare strata first: they leave the least choice.
    for unit in sorted(
        units, key=lambda u: (sizes[u.stratum], u.stratum, -len(u.ids), u.rank(seed))
    ):

        def lack(part: str, unit: _Unit = unit) -> tuple[bool, float, float]:
            mine = shares[part] * sizes[unit.stratum] - given[part, unit.stratum]
            whole = round(shares[part] * total - have[part], 9)
            # A part that is full takes nothing, or strata of one picture each would all go to
            # train, which lacks most of every one of them.
            return whole > 0, round(mine, 9), whole

        part = max(shares, key=lack)
        given[part, unit.stratum] += len(unit.ids)
        have[part] += len(unit.ids)
        dealt |= dict.fromkeys(unit.ids, part)
    return dict(sorted(_fill_empty(units, dealt, shares, seed).items()))


def _fill_empty(
    units: Sequence[_Unit], dealt: dict[str, str], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """A part that got nothing takes the smallest unit of the part that has most of them."""
    for part in shares:
        if shares[part] <= 0 or part in dealt.values():
            continue
        holding = defaultdict(list)
        for unit in units:
            holding[dealt[unit.ids[0]]].append(unit)
        richest = max(sorted(holding), key=lambda name: len(holding[name]))
        if len(holding[richest]) > 1:
            unit = min(holding[richest], key=lambda u: (len(u.ids), u.rank(seed)))
            dealt |= dict.fromkeys(unit.ids, part)
    return dealt


def _own(
    samples: Sequence[Sample], seed: int, shares: Mapping[str, float], prints: Mapping[str, str]
) -> Split:
    """A split of our own: ``shares`` of val and test, the rest to train."""
    units = _units(samples, prints)
    full = {"train": 1 - sum(shares.values()), **shares}
    wanted = [part for part in full if full[part] > 0]
    if len(units) >= len(wanted):
        return Split(_deal(units, full, seed))
    tied = _tied_by(samples)
    loose = _units(samples, prints, facts=())
    if len(loose) < len(wanted):
        raise PixelwiseError(
            f"Of {len(samples)} pictures only {len(loose)} differ, the rest are copies: at least "
            f"{len(wanted)} are needed for {', '.join(wanted)}."
        )
    if len(units) == 1 or len(wanted) == 2:
        shared = " and ".join(part for part in wanted if part != "train")
        return Split(
            _deal(loose, full, seed),
            (f"All pictures are of one {tied}: {shared} share it with the training pictures, so "
             "the numbers will flatter.",),
        )  # fmt: skip
    return _two_units(samples, units, seed, shares, prints, tied)


def _two_units(
    samples: Sequence[Sample],
    units: Sequence[_Unit],
    seed: int,
    shares: Mapping[str, float],
    prints: Mapping[str, str],
    tied: str,
) -> Split:
    smaller = min(units, key=lambda unit: (len(unit.ids), unit.rank(seed)))
    rest = [sample for sample in samples if sample.id not in smaller.ids]
    loose = _units(rest, prints, facts=())
    inner = _deal(loose, {"train": 1 - shares["val"], "val": shares["val"]}, seed)
    return Split(
        inner | dict.fromkeys(smaller.ids, "test"),
        (f"There are only two {tied}s: test is the smaller one, and val shares the other with "
         "the training pictures.",),
    )  # fmt: skip


def _fold(
    samples: Sequence[Sample],
    dealt: Mapping[str, str],
    name: str,
    seed: int,
    val: float,
    prints: Mapping[str, str],
    warnings: Sequence[str],
) -> Split:
    rest = [sample for sample in samples if dealt[sample.id] != name]
    inner = _own(rest, seed, {"val": val}, prints)
    held = {sample.id: "test" for sample in samples if dealt[sample.id] == name}
    return Split({**inner.parts, **held}, (*warnings, *inner.warnings))


# --- what the folder declares --------------------------------------------------------------------


def _is_declared(samples: Sequence[Sample]) -> bool:
    return len({sample.split for sample in samples} - {None}) >= 2


def _declared(samples: Sequence[Sample], seed: int, val: float, prints: Mapping[str, str]) -> Split:
    parts = {sample.id: sample.split or "train" for sample in samples}
    warnings = []
    loose = sum(sample.split is None for sample in samples)
    if loose:
        warnings.append(f"{loose} pictures are in none of the folder's parts: train takes them.")
    if "val" not in parts.values():
        learn = [sample for sample in samples if parts[sample.id] == "train"]
        if len(learn) < 2:
            raise PixelwiseError(
                "The folder's train part holds one picture; at least 2 are needed."
            )
        carved = _own(learn, seed, {"val": val}, prints)
        parts |= carved.parts
        warnings += carved.warnings
    if "test" not in parts.values():
        warnings.append(
            "The folder declares no test part: the numbers will be those of val, which chose the "
            "weights."
        )
    warnings += [_leak_sentence(leak) for leak in leaks(samples, parts, prints)[:5]]
    return Split(parts, tuple(warnings))


def _leak_sentence(leak: Leak) -> str:
    what = (
        "One image, or one much like it," if leak.fact == "picture" else f"{leak.fact} {leak.value}"
    )
    return f"{what} is in more than one of the folder's parts: {', '.join(leak.ids[:4])}."


def _tied_by(samples: Sequence[Sample]) -> str:
    facts = [fact for fact in TOGETHER if any(sample.groups.get(fact) for sample in samples)]
    return facts[0] if facts else "picture"


def _refuse_few(count: int) -> None:
    if count < FEWEST:
        raise PixelwiseError(
            f"{count} pictures with masks are too few to split into train, val and test: at least "
            f"{FEWEST} are needed."
        )
