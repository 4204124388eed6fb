"""Figures of change over weeks: concentration, survival, adoption, attribution and families.

Suspect weeks are marked. Weeks without a listing have no point and break the lines. Computing the rows does not belong
here.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from hub_assets.figures import panels, style
from hub_assets.figures.panels import Floats, number, percent

# Okabe-Ito colors, as in `style`, each with a marker
LOOKS: Final = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    ("#222222", "X"),
)
SHARES: Final = {
    "share_of_top_10": "top 10",
    "share_of_top_100": "top 100",
    "share_of_top_1000": "top 1,000",
    "top_1_share": "top 1%",
    "gini": "Gini coefficient",
}
MEASURES: Final = {
    "n_downloads": "downloads in 30 days",
    "n_new_downloads": "downloads since the previous listing",
    "n_likes": "likes",
    "n_usage_spaces": "Spaces that use it",
}
EVENTS: Final = {
    "gone": "still listed",
    "no_downloads": "still downloaded",
    "no_commits": "still committed to",
    "gated": "not gated",
    "reached_100": "not yet 100 downloads",
    "reached_1000": "not yet 1,000 downloads",
    "reached_1000000": "not yet 1 M downloads",
}
RELATIONS: Final = {
    "original": "original",
    "finetune": "fine-tuned",
    "adapter": "adapter",
    "quantized": "quantized",
    "merge": "merged",
    "unspecified": "derived, unspecified",
}
SHOWN: Final = 10
"""Maximum number of countries in a figure."""
_SUSPECT: Final = "#f3d9c7"
_UNKNOWN: Final = "#bdbdbd"


@rc_context(style.RC)
def concentration_over_time(rows: pa.Table) -> Figure:
    """Plot the shares of the top models and the Gini coefficient by week, with a panel for each measure.

    Args:
        rows: `stats__concentration_over_time` for the weeks to show, with models as units and without slices.
    """
    grid = panels.Grid(rows=2, columns=2, panel=1.75, header=0.34, footer=0.34, bottom=0.78)
    figure = style.blank(grid.height)
    for place, (measure, name) in enumerate(MEASURES.items()):
        axes = grid.field(figure, place)
        here = rows.filter(pc.field("measure") == measure).sort_by("snapshot_date")
        grid.write(axes, name, -1, **style.TITLE)
        panels.rule(axes)
        axes.set(ylim=(-0.02, 1.02))
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 6)))
        axes.tick_params(labelleft=place % grid.columns == 0)
        if not len(here):
            panels.say_no_data(axes)
            axes.tick_params(labelbottom=False)
            continue
        _mark_suspect(axes, here)
        for (column, _), look in zip(SHARES.items(), LOOKS, strict=False):
            _weekly(axes, here, column, look, f"{column}_low", f"{column}_high")
        _dates(axes, rows)
    handles = [_line(look, words) for words, look in zip(SHARES.values(), LOOKS, strict=False)]
    _key(figure, [*handles, Patch(color=_SUSPECT, label="suspect week")], 6)
    return figure


@rc_context(style.RC)
def survival_curves(rows: pa.Table) -> Figure:
    """Plot the share of models without each event by age, with a curve for each relation to a base model.

    Args:
        rows: `stats__survival` for one week, sliced by relation.
    """
    grid = panels.Grid(rows=3, columns=3, panel=1.4, header=0.34, footer=0.3, bottom=0.5)
    figure = style.blank(grid.height)
    for place, (event, name) in enumerate(EVENTS.items()):
        axes = grid.field(figure, place)
        grid.write(axes, name, -1, **style.TITLE)
        panels.rule(axes)
        axes.set(ylim=(-0.02, 1.02))
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 6)))
        axes.tick_params(labelleft=place % grid.columns == 0)
        here = rows.filter(pc.field("event") == event)
        if not len(here):
            panels.say_no_data(axes)
        for relation, look in zip(RELATIONS, LOOKS, strict=False):
            curve = here.filter(pc.field("slice") == relation).sort_by("day")
            if len(curve):
                years = _floats(curve, "day") / 365.25
                axes.step(years, _floats(curve, "survival"), where="post", c=look[0], lw=1.1)
                low, high = (_floats(curve, f"survival_{end}") for end in ("low", "high"))
                axes.fill_between(years, low, high, step="post", color=look[0], alpha=0.15, lw=0)
    key = grid.field(figure, len(EVENTS))
    handles = [
        Line2D([], [], c=look[0], lw=1.5, label=name) for name, look in zip(RELATIONS.values(), LOOKS, strict=False)
    ]
    grid.explain(
        key, handles, ("Shaded: 95% intervals (Greenwood).", "Each model is observed from its", "first listing on."), 7
    )
    grid.label(figure, "years since creation", "share of models")
    return figure


@rc_context(style.RC)
def adoption_curves(rows: pa.Table) -> Figure:
    """Plot the relative adoption of releases by age, with a panel for each size class; lines connect a model's points.

    Args:
        rows: `stats__relative_adoption` for the weeks to show.
    """
    rows = rows.filter(pc.field("relative_adoption") > 0)
    sizes = rows.group_by("size_class").aggregate([("repo_key", "count_distinct")])
    names = sizes.sort_by([("repo_key_count_distinct", "descending"), ("size_class", "ascending")])["size_class"]
    classes = names.to_pylist()[:6]
    grid = panels.Grid(
        rows=1 + (len(classes) > 3),
        columns=min(3, max(1, len(classes))),
        panel=1.7,
        header=0.46,
        footer=0.3,
        left=0.74,
        bottom=0.5,
    )
    figure = style.blank(grid.height)
    days = sorted(set(rows["day"].to_pylist()))
    least, most = (
        float(np.append(_floats(rows, "relative_adoption"), 1).min()),
        float(np.append(_floats(rows, "relative_adoption"), 1).max()),
    )
    if not classes:
        axes = grid.field(figure, 0)
        axes.set_axis_off()
        panels.say_no_data(axes)
    for place, size_class in enumerate(classes):
        axes = grid.field(figure, place)
        panels.rule(axes)
        here = rows.filter(pc.field("size_class") == size_class).sort_by(
            [("repo_key", "ascending"), ("day", "ascending")]
        )
        grid.write(axes, size_class, -1, **style.TITLE)
        n = len(pc.unique(here["repo_key"]))
        grid.write(axes, f"{number(n)} releases", 0, color=style.QUIET)
        axes.set(xscale="log", yscale="log", xlim=(6, 430))
        axes.xaxis.set_major_locator(FixedLocator(days))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=9))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_ylim(least / 1.3, most * 1.3)
        axes.tick_params(labelleft=place % grid.columns == 0)
        axes.axhline(1, c=style.INK, lw=0.8, ls=(0, (4, 2)))
        keys = np.asarray(here["repo_key"].to_pylist())
        x, y = _floats(here, "day"), _floats(here, "relative_adoption")
        breaks = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        axes.plot(np.insert(x, breaks, np.nan), np.insert(y, breaks, np.nan), c=LOOKS[0][0], lw=0.5, alpha=0.5)
        is_suspect = here["is_suspect"].to_numpy(zero_copy_only=False).astype(bool)
        axes.plot(x[~is_suspect], y[~is_suspect], "o", c=LOOKS[0][0], ms=2, mew=0)
        axes.plot(x[is_suspect], y[is_suspect], "o", mfc="white", mec=LOOKS[1][0], ms=3, mew=0.6)
    grid.label(
        figure, "days since release (open circles: suspect week)", "downloads / median of\nthe size class's top ten"
    )
    return figure


@rc_context(style.RC)
def attribution(rows: pa.Table) -> Figure:
    """Plot countries' shares of downloads by publisher and by root, with the range due to unknown countries.

    Args:
        rows: `mart__attribution` for one week, by country, for one measure.
    """
    figure = style.blank(3.3)
    known = rows.filter(pc.invert(rows["is_unknown"]))
    totals = (
        known.group_by("item")
        .aggregate([("share", "max")])
        .sort_by([("share_max", "descending"), ("item", "ascending")])
    )
    countries = totals["item"].to_pylist()[:SHOWN]
    lines = [*countries, "individual", "unknown"]
    for place, (side, title) in enumerate((("publisher", "by publisher"), ("root", "by the family's root"))):
        axes = figure.add_axes((0.17 + place * 0.42, 0.22, 0.38, 0.68))
        axes.set_title(title, loc="left", **style.TITLE)
        panels.rule(axes)
        here = {row["item"]: row for row in rows.to_pylist() if row["attributed_to"] == side}
        for line, item in enumerate(lines):
            share = (here.get(item) or {}).get("share") or 0.0
            high = max((here.get(item) or {}).get("share_high") or 0.0, share)
            if item in countries:
                axes.barh(
                    line, high - share, left=share, height=0.7, color=style.FAINT, ec=_UNKNOWN, lw=0.5, hatch="////"
                )
            axes.barh(line, share, height=0.7, color=LOOKS[0][0] if item in countries else _UNKNOWN)
            axes.annotate(f"{100 * share:.1f}%", (high, line), (3, 0), textcoords="offset points", va="center")
        axes.set(xlim=(0, 1.2), ylim=(len(lines) - 0.4, -0.6), xlabel="share of downloads in 30 days")
        axes.set_xticks(np.linspace(0, 1, 6))  # the space for labels beyond 100% has no ticks
        axes.set_yticks(range(len(lines)), lines if not place else [""] * len(lines))
        axes.xaxis.set_major_formatter(lambda value, _: percent(round(value, 6)))
    handles = [
        Patch(color=LOOKS[0][0], label="known to belong"),
        Patch(fc=style.FAINT, ec=_UNKNOWN, hatch="////", label="if everything unknown belonged"),
        Patch(color=_UNKNOWN, label="country unknown"),
    ]
    _key(figure, handles, 3)
    return figure


@rc_context(style.RC)
def families(shares: pa.Table, ranks: pa.Table) -> Figure:
    """Plot each relation's share of downloads by week, and roots by their ranks in PageRank and downloads.

    Args:
        shares: `mart__relation_shares` for the weeks to show.
        ranks: `network__family_pagerank` for one week.
    """
    figure = style.blank(3.2)
    left = figure.add_axes((0.075, 0.27, 0.4, 0.62))
    left.set_title("share of downloads in 30 days", loc="left", **style.TITLE)
    panels.rule(left)
    left.set(ylim=(-0.02, 1.02))
    left.yaxis.set_major_formatter(lambda value, _: percent(round(value, 6)))
    if len(shares):
        _mark_suspect(left, shares)
        for relation, look in zip(RELATIONS, LOOKS, strict=False):
            _weekly(
                left,
                shares.filter(pc.field("relation") == relation).sort_by("snapshot_date"),
                "share_of_downloads",
                look,
            )
        _dates(left, shares)
    else:
        panels.say_no_data(left)
    right = figure.add_axes((0.58, 0.27, 0.4, 0.62))
    right.set_title("roots: PageRank and downloads", loc="left", **style.TITLE)
    panels.rule(right)
    roots = ranks.filter(pc.field("is_root") & pc.is_valid(pc.field("downloads_rank")))
    if len(roots):
        x, y = _floats(roots, "pagerank_rank"), _floats(roots, "downloads_rank")
        is_hidden = roots["is_hidden_root"].to_numpy(zero_copy_only=False).astype(bool)
        right.set(xscale="log", yscale="log", xlabel="rank by PageRank", ylabel="rank by downloads")
        right.plot(x[~is_hidden], y[~is_hidden], "o", c=_UNKNOWN, ms=2.5, mew=0)
        right.plot(x[is_hidden], y[is_hidden], "D", c=LOOKS[1][0], ms=3, mew=0)
        right.invert_yaxis()
    else:
        panels.say_no_data(right)
    handles: list[Artist] = [_line(look, words) for words, look in zip(RELATIONS.values(), LOOKS, strict=False)]
    handles += [
        Patch(color=_SUSPECT, label="suspect week"),
        Line2D([], [], ls="", marker="D", c=LOOKS[1][0], ms=3, label="hidden root"),
    ]
    _key(figure, handles, 4)
    return figure


def _weekly(axes: Axes, rows: pa.Table, column: str, look: tuple[str, str], *bounds: str) -> None:
    """Draw a weekly series, with an interval if its columns are given. Suspect weeks have open markers."""
    if not len(rows):
        return
    days = rows["snapshot_date"].to_numpy().astype("datetime64[D]")
    values = _floats(rows, column)
    gaps = np.flatnonzero(np.diff(days) > np.timedelta64(7, "D")) + 1
    axes.plot(
        np.insert(days, gaps, days[gaps] - np.timedelta64(1, "D")), np.insert(values, gaps, np.nan), c=look[0], lw=1
    )
    is_suspect = rows["is_suspect"].to_numpy(zero_copy_only=False).astype(bool)
    size = 3 if len(days) <= 60 else 1.5
    axes.plot(days[~is_suspect], values[~is_suspect], look[1], c=look[0], ms=size, mew=0)
    axes.plot(days[is_suspect], values[is_suspect], look[1], mfc="white", mec=look[0], ms=size, mew=0.6)
    if bounds:
        low, high = (_floats(rows, bound) for bound in bounds)
        axes.vlines(days, low, high, colors=look[0], lw=2, alpha=0.35)


def _mark_suspect(axes: Axes, rows: pa.Table) -> None:
    suspect = rows.filter(rows["is_suspect"])
    for week in sorted(set(suspect["snapshot_date"].to_pylist())):
        axes.axvspan(week - timedelta(days=3), week + timedelta(days=3), color=_SUSPECT, lw=0)


def _dates(axes: Axes, rows: pa.Table) -> None:
    """Give all panels the same weeks on the x axis, even if there is only one week, and label days with their month."""
    weeks, margin = pc.min_max(rows["snapshot_date"]).as_py(), timedelta(days=3, hours=18)  # no tick at the edges
    axes.set_xlim(weeks["min"] - margin, weeks["max"] + margin)
    if weeks["min"] == weeks["max"]:  # labels of the days around it would run into those of the next panel
        axes.set_xticks([weeks["min"]], [f"{weeks['min']:%b %d}"])
        return
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    formatter.formats[2] = "%b %d"
    axes.xaxis.set_major_formatter(formatter)


def _line(look: tuple[str, str], words: str) -> Line2D:
    return Line2D([], [], c=look[0], marker=look[1], ms=3.5, lw=1.2, mew=0, label=words)


def _key(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.06, 0.0), ncols=columns, frameon=False)


def _floats(rows: pa.Table, name: str) -> Floats:
    values: Floats = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
