"""The network at the end of a month equals the network of all edges so far."""

from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks import schemas
from hub_assets.networks.cores import core_numbers
from hub_assets.networks.graph import Graph
from hub_assets.networks.measures import measures
from hub_assets.networks.over_time import over_time_table
from hub_assets.networks.tables import without_network
from hub_assets_tests.networks.made import edges

GROWTH = st.lists(
    st.tuples(
        st.dates(date(2022, 11, 1), date(2023, 4, 30)),
        st.sampled_from("abcde"),
        st.sampled_from("abcde"),
        st.integers(1, 100),
    ),
    min_size=1,
    max_size=25,
)


def growth(rows: list[tuple[date, str, str, int]]) -> pa.Table:
    table = edges([row[1:] for row in rows])
    return table.append_column("month", pa.array([row[0] for row in rows], pa.date32()))


@settings(deadline=None, max_examples=40)
@given(GROWTH)
def test_each_month_matches_a_table_of_all_edges_so_far(rows: list[tuple[date, str, str, int]]) -> None:
    table = growth(rows)
    found = over_time_table(table)
    assert found.schema.equals(without_network(schemas.COLLABORATION_OVER_TIME))
    months = found["month"].to_pylist()
    days = [row[0] for row in rows]
    assert months[0] == min(days).replace(day=1)
    assert months[-1] == max(days).replace(day=1)
    assert [month.year * 12 + month.month for month in months] == list(
        range(months[0].year * 12 + months[0].month, months[-1].year * 12 + months[-1].month + 1)
    )
    for row in found.to_pylist():
        until = [day for day in days if (day.year, day.month) <= (row["month"].year, row["month"].month)]
        past = table.filter(pc.less_equal(table["month"], max(until)))
        sums = past.group_by(["source", "target"]).aggregate([("weight", "sum")])
        graph = Graph.of(sums.rename_columns(["source", "target", "weight"]))
        expected: dict[str, Any] = {name: value if value == value else None for name, value in measures(graph).items()}
        n_developers = len({name for _, *pair, _ in rows_until(rows, row["month"]) for name in pair})
        expected |= {"month": row["month"], "n_developers": n_developers, "n_isolates": graph.n_isolates}
        expected |= {"share_isolates": graph.n_isolates / n_developers, "max_k": max(core_numbers(graph), default=0)}
        assert row == pytest.approx({name: expected.get(name) for name in row})


def rows_until(rows: list[tuple[date, str, str, int]], month: date) -> list[tuple[date, str, str, int]]:
    return [row for row in rows if (row[0].year, row[0].month) <= (month.year, month.month)]


def test_an_isolate_becomes_a_node_with_its_first_edge() -> None:
    found = over_time_table(
        growth([(date(2023, 1, 31), "a", "a", 2), (date(2023, 3, 1), "b", "a", 1), (date(2023, 4, 9), "c", "c", 1)])
    ).to_pylist()
    assert [row["month"] for row in found] == [date(2023, month, 1) for month in (1, 2, 3, 4)]
    assert [(row["n_developers"], row["n_isolates"], row["nodes"], row["edges"]) for row in found] == [
        (1, 1, 0, 0),
        (1, 1, 0, 0),
        (2, 0, 2, 1),
        (3, 1, 2, 1),
    ]
    assert [row["max_k"] for row in found] == [0, 0, 1, 1]
    assert [row["reciprocity"] for row in found] == [None, None, 0, 0]


def test_weights_add_up() -> None:
    rows = [(date(2023, month, 1), "a", "b", 10**month) for month in (1, 2)]
    rows += [(date(2023, 1, 1), *pair, 8) for pair in ("bc", "ca")]
    first, second = over_time_table(growth(rows)).to_pylist()
    assert first["average_clustering"] == pytest.approx((8 * 8 / 10**2) ** (1 / 3) / 2)
    assert second["average_clustering"] == pytest.approx((8 * 8 / 110**2) ** (1 / 3) / 2)
    assert first["average_clustering_unweighted"] == second["average_clustering_unweighted"]


def test_the_last_values_are_repeated_until_the_end() -> None:
    table = growth([(date(2022, 11, 30), "a", "b", 1), (date(2023, 1, 1), "b", "c", 1)])
    plain = over_time_table(table).to_pylist()
    longer = over_time_table(table, date(2023, 3, 15)).to_pylist()
    assert [row["month"] for row in plain] == [date(2022, 11, 1), date(2022, 12, 1), date(2023, 1, 1)]
    assert longer == [*plain, *({**plain[-1], "month": date(2023, month, 1)} for month in (2, 3))]
    # an end date before the last growth does not truncate the growth
    assert over_time_table(table, date(2022, 12, 31)).to_pylist() == plain


def test_no_growth_gives_no_months() -> None:
    assert over_time_table(growth([])).num_rows == over_time_table(growth([]), date(2023, 1, 1)).num_rows == 0


def test_a_null_month_is_refused() -> None:
    with pytest.raises(ValueError, match="month is null"):
        over_time_table(growth([(None, "a", "b", 1)]))  # type: ignore[list-item]


def test_implicit_edges_grow_as_if_they_were_listed() -> None:
    """Bo joins a large repository in March, and Cy as a target in May; Ann and Di have met before, Di and Bo later."""

    def day(month: int) -> date:
        return date(2026, month, 3)

    elsewhere = [(day(2), "ann", "di", 4), (day(6), "bo", "di", 1)]
    cells = [(1, "ann", 2), (3, "bo", 1), (4, "ann", 1), (5, "cy", 0), (5, "bo", 3)]
    listed = [
        (day(1), "ann", "ann", 2),
        *((day(3), "ann", "bo", 2), (day(3), "bo", "ann", 1), (day(4), "ann", "bo", 1)),
        *((day(5), "ann", "cy", 3), (day(5), "bo", "cy", 4), (day(5), "bo", "ann", 3)),
    ]
    columns = {
        "month": pa.array([day(month) for month, _, _ in cells]),
        "repo_key": pa.array(["1"] * len(cells)),
        "developer": pa.array([who for _, who, _ in cells]),
        "n_commits": pa.array([n for _, _, n in cells]),
    }
    found = over_time_table(growth(elsewhere), day(8), pa.table(columns))
    unlisted = ["communities", "modularity", "leiden_communities", "leiden_modularity"]
    assert all(found[name].null_count == len(found) == 8 for name in unlisted)
    wanted = over_time_table(growth([*elsewhere, *listed]), day(8))
    for one, other in zip(*(each.drop_columns(unlisted).to_pylist() for each in (found, wanted)), strict=True):
        assert one == pytest.approx(other)
