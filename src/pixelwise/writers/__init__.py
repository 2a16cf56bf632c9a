"""Writers: a dataset as files that other tools read. The counterpart of `pixelwise.datasets`.

Every module in here is one form, and has one function:

``write(dataset: Dataset, out: Path, on_progress: Callable[[int], None]) -> list[str]``
    Writes every sample below the empty folder ``out`` and gives a sentence for each thing that the
    form cannot hold. ``on_progress`` gets the number of pictures done. Pictures are copied as they
    are. What cannot be written at all raises a `PixelwiseError`.

`pixelwise.conversion.convert` calls it on a temporary folder, so a writer need not tidy up. What
a writer wrote, the layout of that form reads back equal, but for the losses it names.
"""
