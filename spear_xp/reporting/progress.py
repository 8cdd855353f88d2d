"""Enters: progress of a search. Leaves: a bar on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spear_xp.solver.result import Progress

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A progress callback that draws a bar where `rich` is installed, and none otherwise."""
    if quiet:
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
    except ImportError:
        yield None
        return
    columns = (
        TextColumn("{task.description:>9}"),
        BarColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("search", total=1.0, text="")

        def update(event: Progress) -> None:
            done = event.certified or min(event.candidates, event.batch_size - 1)
            bar.update(
                task,
                completed=done,
                total=event.batch_size,
                text=f"{event.certified} of {event.batch_size} certified, {event.candidates} directions",
            )

        yield update
