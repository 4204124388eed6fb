"""Figures about change plot every row, mark suspect weeks, leave gaps open, and say where there is no data."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.dates import num2date

from hub_assets.figures import change
from hub_assets.figures.files import png
from hub_assets.networks.schemas import FAMILY_PAGERANK
from hub_assets.resources import project
from hub_assets.statistics.concentration_over_time import concentration_over_time
from hub_assets.statistics.schemas import CONCENTRATION_OVER_TIME, RELATIVE_ADOPTION, SURVIVAL
from hub_assets_tests.figures.made_up import assert_neat
from hub_assets_tests.trust.made import Observatory, world

WEEKS = [date(2026, 1, 5) + timedelta(weeks=place) for place in (0, 1, 2, 5)]
ATTRIBUTION = pa.schema(
    {
        "attributed_to": pa.string(),
        "item": pa.string(),
        "is_unknown": pa.bool_(),
        "share": pa.float64(),
        "share_high": pa.float64(),
    }
)
SHARES = pa.schema(
    {
        "snapshot_date": pa.date32(),
        "relation": pa.string(),
        "share_of_downloads": pa.float64(),
        "is_suspect": pa.bool_(),
    }
)


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema)


def spans(axes: Axes) -> int:
    return sum(to_hex(patch.get_facecolor()) == change._SUSPECT for patch in axes.patches)


def marked(axes: Axes) -> set[date]:
    """Return the weeks that a panel marks as suspect."""
    boxes = [patch.get_extents() for patch in axes.patches if to_hex(patch.get_facecolor()) == change._SUSPECT]
    middles = [axes.transData.inverted().transform(((box.x0 + box.x1) / 2, 0))[0] for box in boxes]
    return {num2date(round(middle)).date() for middle in middles}  # type: ignore[no-untyped-call]


def concentration() -> list[dict[str, Any]]:
    return [
        {
            "snapshot_date": week,
            "measure": "n_likes",
            "is_suspect": place == 1,
            "share_of_top_10": 0.5 + place / 10,
            "share_of_top_10_low": 0.4,
            "share_of_top_10_high": 0.9,
            "gini": 0.9,
        }
        for place, week in enumerate(WEEKS)
    ]


def test_suspect_weeks_are_marked_and_gaps_stay_open() -> None:
    figure = change.concentration_over_time(table(concentration(), CONCENTRATION_OVER_TIME))
    assert_neat(figure)
    likes = figure.axes[2]
    assert spans(likes) == 1
    line, trusted, suspect = likes.lines[:3]
    assert np.asarray(line.get_ydata()).tolist()[:3] == [0.5, 0.6, 0.7]
    assert np.isnan(np.asarray(line.get_ydata(), float)).sum() == 1
    assert (len(np.asarray(trusted.get_xdata())), len(np.asarray(suspect.get_xdata()))) == (3, 1)
    assert suspect.get_markerfacecolor() == "white"
    assert [text.get_text() for text in figure.axes[0].texts] == ["downloads in 30 days", "no data"]


@pytest.mark.slow
def test_a_planted_stall_is_marked_and_no_other_week() -> None:
    hub = world(10, 5, {"model": 300, "dataset": 30, "space": 30})
    hub.kinds["model"].freeze(6)
    observatory = Observatory(project())
    observatory.observe(hub)
    listings = observatory.connection.sql("""
        select snapshot_date, repo_type, n_downloads, n_new_downloads, n_likes
        from int_hub__listing_changes where repo_type = 'model' and is_listed
    """).to_arrow_table()
    quality = observatory.connection.sql("from core__week_quality").to_arrow_table()
    rows = concentration_over_time(listings, quality, ["n_downloads", "n_new_downloads", "n_likes"], [])
    figure = change.concentration_over_time(rows)
    frozen = hub.date_of(6)
    for axes in figure.axes[:2]:
        # the backlog arrives in the next week, whose downloads are in doubt too, at most
        assert frozen in marked(axes) <= {frozen, hub.date_of(7)}
        suspect = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
        assert {day for line in suspect for day in np.asarray(line.get_xdata()).tolist()} == marked(axes)
    assert len(figure.axes[2].lines) > 0
    assert marked(figure.axes[2]) == set()


@pytest.mark.parametrize("week", [WEEKS[0], date(2026, 11, 30), date(2026, 12, 28), date(2027, 3, 1)])
def test_a_single_week_has_only_its_own_date(week: date) -> None:
    first = [{**row, "snapshot_date": week} for row in concentration() if row["snapshot_date"] == WEEKS[0]]
    alone = change.concentration_over_time(table(first, CONCENTRATION_OVER_TIME))
    assert_neat(alone)
    assert [label.get_text() for label in alone.axes[2].get_xticklabels()] == [f"{week:%b %d}"]


def test_panels_share_their_weeks() -> None:
    late = [{**row, "measure": "n_downloads"} for row in concentration()[1:]]
    both = change.concentration_over_time(table([*concentration(), *late], CONCENTRATION_OVER_TIME))
    assert both.axes[0].get_xlim() == both.axes[2].get_xlim()


def test_survival_has_a_curve_for_each_relation() -> None:
    rows = [
        {"event": "gone", "slice_kind": "relation", "slice": name, "day": float(day), "survival": 1 - day / 1000}
        for name in ("merge", "original")
        for day in (0, 100, 200)
    ]
    figure = change.survival_curves(table(rows, SURVIVAL))
    curves = figure.axes[0].lines
    assert len(curves) == 2
    assert np.asarray(curves[0].get_ydata()) == pytest.approx([1, 0.9, 0.8])


def test_adoption_connects_the_days_of_a_release() -> None:
    rows = [
        {"repo_key": key, "size_class": "1B to 5B", "day": day, "relative_adoption": value, "is_suspect": day == 14}
        for key, day, value in (("a", 7, 2.0), ("a", 14, 1.0), ("b", 7, 0.5), ("c", 7, None))
    ]
    axes = change.adoption_curves(table(rows, RELATIVE_ADOPTION)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["1B to 5B", "2 releases"]
    joined = np.asarray(axes.lines[1].get_ydata(), float)
    assert joined[[0, 1, 3]].tolist() == [2, 1, 0.5]
    assert np.isnan(joined[2])


def test_attribution_shows_unknown_shares_and_ranges() -> None:
    rows = [
        {"attributed_to": side, "item": item, "is_unknown": item == "unknown", "share": share, "share_high": high}
        for side in ("publisher", "root")
        for item, share, high in (("France", 0.2, 0.7), ("China", 0.3, 0.8), ("unknown", 0.5, 0.5))
    ]
    left, right = change.attribution(table(rows, ATTRIBUTION)).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["China", "France", "individual", "unknown"]
    widths = [round(bar.get_width(), 3) for bar in right.patches]  # type: ignore[attr-defined]
    assert widths == [0.5, 0.3, 0.5, 0.2, 0, 0.5]
    assert right.get_xticks().max() == 1


def test_hidden_roots_stand_out() -> None:
    ranks = [
        {
            "node": str(rank),
            "repo_id": str(rank),
            "is_root": True,
            "is_hidden_root": rank == 2,
            "pagerank_rank": rank,
            "downloads_rank": 100 * rank,
        }
        for rank in (1, 2, 3)
    ]
    shares = [{"snapshot_date": WEEKS[0], "relation": "merge", "share_of_downloads": 0.1, "is_suspect": True}]
    left, right = change.families(table(shares, SHARES), table(ranks, FAMILY_PAGERANK)).axes
    assert spans(left) == 1
    others, hidden = right.lines
    assert (np.asarray(others.get_xdata()).tolist(), np.asarray(hidden.get_ydata()).tolist()) == ([1, 3], [200])


def test_figures_without_rows_say_so() -> None:
    figures = [
        change.concentration_over_time(table([], CONCENTRATION_OVER_TIME)),
        change.survival_curves(table([], SURVIVAL)),
        change.adoption_curves(table([], RELATIVE_ADOPTION)),
        change.attribution(table([], ATTRIBUTION)),
        change.families(table([], SHARES), table([], FAMILY_PAGERANK)),
    ]
    assert all(len(png(figure)) > 5_000 for figure in figures)
    words = [text.get_text() for figure in figures[:3] for axes in figure.axes for text in axes.texts]
    assert words.count("no data") == 4 + 7 + 1
