"""``pixelwise check``: what is in a folder, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pixelwise import findings, instance_findings, joint_findings
from pixelwise.contents import Contents, ties_of
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.datasets._look import even_sample
from pixelwise.findings import Finding, Severity
from pixelwise.fingerprints import fingerprints_of
from pixelwise.manifest import own_files, refuse_foreign
from pixelwise.objects import Census, census
from pixelwise.people import JointCensus, joint_census
from pixelwise.plan import look
from pixelwise.progress import Progress
from pixelwise.recipe import derive, describe
from pixelwise.scan import Seen, scan
from pixelwise.sheet import write_sheet
from pixelwise.splits import FEWEST, PARTS, make_split, stratum
from pixelwise.types import Category, PixelwiseError, Sample
from pixelwise.words import count, visible

_MOST_READ = 5_000
_MOST_HASHED = 50_000
_SHEET = "contact_sheet.png"


@dataclass(frozen=True)
class Report:
    """What a folder holds.

    ``shares``: of each category, of all labelled pixels read. ``sizes_hw``: smallest, median and
    largest picture by area. ``instances``: how many and how large, None where nothing is outlined
    one by one. ``joints``: who has joints, None where nobody does.
    ``groups``: fact -> value -> number of pictures. ``split``: part ->
    stratum -> number of pictures, as training would split with seed 0. ``notes``: what was decided
    while reading. ``plan``: what training would do, lines. ``sheet``: the contact sheet.
    """

    root: Path
    layout: str
    num_pictures: int
    categories: tuple[Category, ...]
    shares: tuple[float, ...]
    sizes_hw: tuple[tuple[int, int], ...]
    groups: Mapping[str, Mapping[str, int]]
    split: Mapping[str, Mapping[str, int]]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    sheet: Path | None = None
    instances: Census | None = None
    joints: JointCensus | None = None

    @property
    def ok(self) -> bool:
        """Whether training on it would be right."""
        return all(finding.severity != "error" for finding in self.findings)


def check(
    data: str | Path,
    masks: str = "auto",
    out: str | Path | None = None,
    white_level: float | None = None,
) -> Report:
    """Read every picture and mask of a folder once and say what is wrong with them.

    Of more than 5,000 pictures an even sample of 5,000 is read; copies are looked for among the
    first 50,000.

    Args:
        data: the folder.
        masks: what mask values mean, see `pixelwise.datasets._masks`.
        out: folder for contact_sheet.png, up to 48 pictures with their outlines, doubtful ones
            first; None for no sheet.
        white_level: the number that is white in images of more than 8 bits; None looks at them.

    Raises:
        PixelwiseError: nothing recognised in the folder, masks that could mean two things, or a
            contact_sheet.png in ``out`` that is somebody's.
    """
    if out is not None:
        refuse_foreign(Path(out), [_SHEET])
    dataset = open_dataset(data, masks, white_level)
    samples = [dataset[index] for index in range(len(dataset))]
    chosen = [samples[index] for index in even_sample(len(samples), _MOST_READ)]
    with Progress("checking", len(chosen)) as bar:
        seen = scan(chosen, dataset.categories, bar.at)
    looks = {each.sample.id: each.appearance for each in seen if each.appearance is not None}
    contents = Contents(fingerprints_of(samples[:_MOST_HASHED]), {}, looks, ties_of(samples))
    usable = [each for each in seen if each.problem is None]
    found = [*_findings(dataset, samples, seen, usable, contents)]
    split, more = _split(samples, seen, contents)
    sheet = None if out is None or not usable else Path(out) / _SHEET
    if sheet is not None:
        with own_files(sheet.parent, [sheet.name], {"command": "check"}) as place:
            write_sheet(place / sheet.name, usable, dataset.categories)
    return Report(
        dataset.root,
        dataset.layout,
        len(samples),
        dataset.categories,
        _shares(usable, len(dataset.categories)),
        _sizes(usable),
        _groups(samples),
        split,
        (*found, *more),
        dataset.notes,
        _plan(dataset, usable),
        sheet,
        None
        if _is_joints_alone(usable)
        else census([each.objects for each in usable], dataset.categories),
        joint_census([each.people for each in usable], dataset.categories),
    )


def _is_joints_alone(seen: Sequence[Seen]) -> bool:
    """Whether joints are known and nothing is outlined."""
    has_joints = any(each.people is not None and each.people.num_known.any() for each in seen)
    return has_joints and not any(each.has_outlines for each in seen)


def _findings(
    dataset: Dataset,
    samples: Sequence[Sample],
    seen: Sequence[Seen],
    usable: Sequence[Seen],
    contents: Contents,
) -> Iterator[Finding]:
    if len(seen) < len(samples):
        text = f"Of {len(samples):,} pictures an even sample of {len(seen):,} was read."
        yield Finding("note", text)
    yield from findings.unreadable(seen)
    if not any(each.problem for each in seen):
        yield from findings.too_few(len(usable))
    if usable and not _is_joints_alone(usable):
        yield from findings.labels(usable, dataset.categories)
        yield from instance_findings.instances(usable, dataset.categories)
    yield from joint_findings.joints(usable, dataset.categories)
    yield from findings.leaked(samples, contents.same)
    yield from findings.copies(usable, contents.same)
    yield from findings.near_duplicates(samples, contents)
    yield from findings.unpaired(dataset.unpaired, dataset.root)
    yield from findings.sizes(usable)


def _split(
    samples: Sequence[Sample], seen: Sequence[Seen], contents: Contents
) -> tuple[dict[str, dict[str, int]], list[Finding]]:
    """How training would split what can be used, and the doubts about it."""
    bad = {each.sample.id for each in seen if each.problem}
    kept = [sample for sample in samples if sample.id not in bad]
    try:
        split = make_split(kept, 0, fingerprints=contents.together(FEWEST)[0])
    except PixelwiseError:
        return {}, []  # too few pictures: found already
    counts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for sample in kept:
        counts[split.parts[sample.id]][stratum(sample)] += 1
    # Leaks are findings of their own, with the files they are about.
    doubts = [text for text in split.warnings if "more than one of the folder's parts" not in text]
    named = {part: dict(sorted(count.items())) for part, count in counts.items() if count}
    return named, [Finding("warning", text) for text in doubts]


def _plan(dataset: Dataset, seen: Sequence[Seen]) -> tuple[str, ...]:
    """What training would do without being asked for anything else."""
    if not seen:
        return ()
    return tuple(describe(derive(look(dataset), str(dataset.root), {})))


def _shares(seen: Sequence[Seen], num_categories: int) -> tuple[float, ...]:
    total = np.zeros(num_categories, dtype=np.int64)
    for each in seen:
        total += np.array(each.pixels, dtype=np.int64)
    return tuple((total / max(1, total.sum())).tolist())


def _sizes(seen: Sequence[Seen]) -> tuple[tuple[int, int], ...]:
    by_area = sorted((each.image_hw for each in seen), key=lambda hw: (hw[0] * hw[1], hw))
    return (by_area[0], by_area[len(by_area) // 2], by_area[-1]) if by_area else ()


def _groups(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for sample in samples:
        for fact, value in sample.groups.items():
            counts.setdefault(fact, Counter())[value] += 1
    return {fact: dict(count.most_common()) for fact, count in sorted(counts.items())}


# --- for people ----------------------------------------------------------------------------------

_MARKS: dict[Severity, tuple[str, str]] = {
    "error": ("ERROR", "bold red"),
    "warning": ("warning", "yellow"),
    "note": ("note", "dim"),
}
_MOST_ROWS = 30


def render(report: Report) -> RenderableType:
    """The report for a terminal."""
    parts: list[RenderableType] = [_summary(report)]
    if report.joints is None or report.instances is not None:
        parts.append(Padding(_category_table(report), (1, 0, 0, 0)))
    if report.joints is not None:
        parts.append(Padding(_joint_table(report.joints), (1, 0, 0, 0)))
    if report.split:
        parts.append(Padding(_split_table(report), (1, 0, 0, 0)))
    parts += [_line(Finding("note", note)) for note in report.notes]
    if report.plan:
        parts += [Text(), Text("Training would:"), *(Text(f"  {line}") for line in report.plan)]
    parts += [Text(), *(_line(finding) for finding in report.findings)]
    if report.sheet is not None:
        parts.append(Text(f"Contact sheet: {report.sheet}"))
    parts.append(_verdict(report))
    return Group(*parts)


def _summary(report: Report) -> Text:
    lines = [f"{report.root}: {report.num_pictures} annotated pictures, layout {report.layout}."]
    if report.sizes_hw:
        small, median, large = (f"{w} x {h}" for h, w in report.sizes_hw)
        lines.append(f"Sizes: {small} to {large}, median {median} pixels.")
    if report.instances is not None:
        lines.append(_instances_line(report.instances))
    if report.joints is not None:
        lines.append(_joints_line(report.joints))
    for fact, values in report.groups.items():
        shown = ", ".join(f"{visible(value)} {count}" for value, count in list(values.items())[:6])
        dots = ", ..." if len(values) > 6 else ""
        lines.append(f"{fact}: {len(values)} ({shown}{dots})")
    return Text("\n".join(lines))


def _category_table(report: Report) -> Table:
    table = Table("category", "share of pixels", box=None, pad_edge=False)
    if report.instances is not None:
        table.add_column("instances")
        table.add_column("median diameter")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = sorted(zip(report.categories, report.shares, strict=True), key=lambda row: -row[1])
    for category, share in rows[:_MOST_ROWS]:
        red, green, blue = category.color
        swatch = Text("  ", style=f"on rgb({red},{green},{blue})")
        counts = _counts(report.instances, category.name)
        table.add_row(swatch + Text(f" {visible(category.name)}"), f"{100 * share:.2f} %", *counts)
    if len(rows) > _MOST_ROWS:
        table.add_row(f"   and {len(rows) - _MOST_ROWS} more", "")
    return table


def _counts(instances: Census | None, name: str) -> tuple[str, ...]:
    """The cells of one category that tell of its instances."""
    count = None if instances is None else instances.by_category.get(name)
    if count is None or not count.instances:
        return () if instances is None else ("0" if count else "", "")
    return f"{count.instances:,}", f"{count.diameter_px:.0f} px"


def _instances_line(instances: Census) -> str:
    fewest, median, most = instances.total.per_picture
    crowds = f", and {instances.num_crowds} crowds" if instances.num_crowds else ""
    return (
        f"Instances: {instances.total.instances:,}{crowds}; {fewest} to {most} in a picture, "
        f"median {median}; median diameter {instances.total.diameter_px:.0f} pixels."
    )


def _joints_line(joints: JointCensus) -> str:
    fewest, most = joints.per_picture
    numbers = f"{fewest} to {most}" if fewest < most else f"{most}"
    labelled, hidden = sum(joints.labelled.values()), sum(joints.hidden.values())
    return (
        f"People with joints: {joints.num_people:,} in {count(joints.num_pictures, 'picture')}, "
        f"{numbers} in each; of their joints {_percent(labelled, joints.num_joints)} are "
        f"labelled, {_percent(hidden, joints.num_joints)} as hidden."
    )


def _joint_table(joints: JointCensus) -> Table:
    table = Table("joint", "labelled", "hidden", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, labelled in list(joints.labelled.items())[:_MOST_ROWS]:
        hidden = joints.hidden[name]
        cells = (_percent(number, joints.num_people) for number in (labelled, hidden))
        table.add_row(f"   {name}", *cells)
    if len(joints.labelled) > _MOST_ROWS:
        table.add_row(f"   and {len(joints.labelled) - _MOST_ROWS} more")
    return table


def _percent(number: int, of: int) -> str:
    return f"{100 * number / max(1, of):.0f} %"


def _split_table(report: Report) -> Table:
    strata = sorted({name for counts in report.split.values() for name in counts})
    named = [name or "not known" for name in strata] if strata != [""] else []
    table = Table("split (seed 0)", "pictures", *named, box=None, pad_edge=False)
    for part, counts in report.split.items():
        each = [str(counts.get(name, 0)) for name in strata] if named else []
        table.add_row(part, str(sum(counts.values())), *each)
    return table


def _line(finding: Finding) -> Text:
    mark, style = _MARKS[finding.severity]
    return Text.assemble((f"{mark}: ", style), visible(finding.message))


def _verdict(report: Report) -> Text:
    if report.ok:
        return Text("Fit to learn from.", style="green")
    return Text("Training on this would be wrong: see the errors above.", style="bold red")
