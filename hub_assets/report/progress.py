"""Progress bars for crawls in a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from hub_assets.hub.collect.crawl import Progress


@contextmanager
def crawl_bars(console: Console, title: str) -> Iterator[Callable[[Progress], None]]:
    """Show a spinner with a title, and a progress bar for each crawl passed to the yielded function.

    A bar shows the finished questions, the calls per second, the calls left in the Hub's rate-limit window, and the
    elapsed and remaining time.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        bars.add_task(title, total=None, note="")
        tasks: dict[str, TaskID] = {}

        def watch(progress: Progress) -> None:
            if progress.what not in tasks:
                tasks[progress.what] = bars.add_task(progress.what, total=progress.planned, note="")
            left = "" if progress.seconds_left is None else f", {progress.seconds_left / 60:,.0f} min left"
            window = f", {progress.remaining} of {progress.quota} calls" if progress.quota else ""
            bars.update(
                tasks[progress.what],
                completed=progress.done,
                total=progress.planned,
                note=f"{progress.rate:,.0f}/s{window}{left}",
                visible=not progress.is_over,
            )

        yield watch
