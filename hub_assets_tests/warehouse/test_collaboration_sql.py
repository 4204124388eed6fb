"""Collaboration SQL: each edge rule, tested on given rows, against a simple second implementation, and on recorded
commits, none of whose authors are named here."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import networkx as nx
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.warehouse.database import failing_rows, replace_week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import Database, build_week, fill, models_for

WEEK, BEFORE = date(2026, 11, 16), date(2026, 11, 9)
BUILT = ("int_hub__collaboration_developers", "int_hub__collaborations_by_month", "mart__collaboration_edges")
EDGES = (
    *("int_hub__collaborations", "int_hub__implicit_collaborations", "int_hub__collaboration_edges"),
    *("int_hub__contributions_by_month", "int_hub__collaborations_by_month"),
)
RULES = ("first_author", "all_authors", "prior_contributors")
Row = dict[str, Any]
Edges = dict[tuple[str, str], tuple[Any, ...]]


@pytest.fixture(scope="module")
def few(project: Project) -> Project:
    """The SQL models behind the collaboration network."""
    views = [model for model in project.models if model.is_view]
    return replace(project, models=(*views, *models_for(project, *BUILT)))


class Warehouse(Database):
    """A database that builds weeks from raw rows."""

    def build(self, commits: list[Row], week: date = WEEK, **given: list[Row]) -> None:
        """Build a week from commit pages; by default, their models are listed and each author is a developer."""
        models = [listed(page["repo_key"], week) for page in commits]
        people = [developer(name, name, snapshot_date=week) for name in sorted(authors(commits))]
        known = {"raw_hub__models": models, "raw_hub__commits": commits, "core__developers": people}
        fill(self.connection, known | given)
        build_week(self.connection, self.project, week)

    def edges(self, columns: str = "weight", rule: str = "first_author", bots: bool = False, net: str = "all") -> Edges:
        """Return the edges of a network in WEEK: (source, target) -> columns."""
        found = self.rows(
            f"select source_id, target_id, {columns} from int_hub__collaboration_edges "
            f"where snapshot_date = date '{WEEK}' and edge_rule = '{rule}' and includes_bots = {bots} "
            f"and network = '{net}'"
        )
        return {(source, target): tuple(values) for source, target, *values in found}

    def failing(self) -> list[str]:
        """Return the data tests that fail in the week."""
        return [
            f"{model.name}: {test.name}"
            for model in self.project.models
            for test in model.data_tests
            if test.kind != "relationships" and self.rows(failing_rows(test, model, WEEK))
        ]


@pytest.fixture
def warehouse(few: Project) -> Iterator[Warehouse]:
    made = Warehouse(few)
    yield made
    made.connection.close()


def listed(key: str, week: date = WEEK, **values: Any) -> Row:
    at = datetime(week.year, week.month, week.day)
    return {"snapshot_date": week, "observed_at": at, "_id": key, "id": f"lab/{key}", "sha": "a"} | values


def page(key: str, *commits: Row, repo_type: str = "model", week: date = WEEK) -> Row:
    asked = {"snapshot_date": week, "observed_at": datetime(week.year, week.month, week.day), "outcome": "ok"}
    asked |= {"repo_type": repo_type, "repo_key": key, "repo_id": f"lab/{key}", "listed_sha": "a"}
    return asked | {"fetch_number": 1, "page": 0, "is_last": True, "history_version": 1, "commits": list(commits)}


def commit(*users: str, at: datetime | int | None = 1, title: str | None = "x") -> Row:
    """Return a commit by the authors, at a given time or on a day in October 2026."""
    authors = [{"user": user, "has_avatar": True} for user in users]
    made_at = datetime(2026, 10, at) if isinstance(at, int) else at
    return {"id": "x", "title": title, "date": made_at, "authors": authors, "trailers": []}


def authors(pages: list[Row]) -> set[str]:
    return {author["user"] for page in pages for commit in page["commits"] for author in commit["authors"]}


def developer(author: str, developer_id: str, **others: Any) -> Row:
    known = {"snapshot_date": WEEK, "author": author, "developer_id": developer_id, "match_method": "alone"}
    return known | {"is_bot": False, "is_generic": False, "decisions_hash": "0"} | others


def test_edge_rules_differ(warehouse: Warehouse) -> None:
    warehouse.build([page("1", commit("ann", at=1), commit("bob", "cy", at=2), commit("ann", at=3))])
    # developers who are never first authors have only incoming edges
    first = {("ann", "bob"): (2,), ("ann", "cy"): (2,), ("bob", "ann"): (1,), ("bob", "cy"): (1,)}
    assert warehouse.edges() == first
    assert warehouse.edges(rule="all_authors") == first | {("cy", "ann"): (1,), ("cy", "bob"): (1,)}
    # nobody else had contributed by the first commit
    assert warehouse.edges(rule="prior_contributors") == first | {("ann", "bob"): (1,), ("ann", "cy"): (1,)}
    assert warehouse.failing() == []


def test_weights_add_up_over_models_and_fractions_divide_by_others(warehouse: Warehouse) -> None:
    two = page("2", commit("ann", at=5), commit("bob", at=6), commit("cy", at=7), commit("ann", at=8))
    warehouse.build([page("1", commit("ann", at=1), commit("ann", at=2), commit("bob", at=2)), two])
    columns = "weight, n_repos, fractional_weight"
    first = {
        ("ann", "bob"): (4, 2, 2 + 2 / 2),
        ("ann", "cy"): (2, 1, 1.0),
        ("bob", "ann"): (2, 2, 1 + 1 / 2),
        ("bob", "cy"): (1, 1, 0.5),
        ("cy", "ann"): (1, 1, 0.5),
        ("cy", "bob"): (1, 1, 0.5),
    }
    assert warehouse.edges(columns) == warehouse.edges(columns, "all_authors") == first
    assert warehouse.edges(columns, "prior_contributors") == {
        # simultaneous commits count each other's authors as present
        ("ann", "bob"): (2, 2, 1.5),
        ("ann", "cy"): (1, 1, 0.5),
        ("bob", "ann"): (2, 2, 1.5),
        ("cy", "ann"): (1, 1, 0.5),
        ("cy", "bob"): (1, 1, 0.5),
    }


def test_equal_fractions_are_equal_whether_summed_or_not(warehouse: Warehouse) -> None:
    together = page("1", *(commit(name, at=day) for name in "abcdefghijklmnopqr" for day in (1, 2, 3)))
    warehouse.build([together, page("2", commit("a"), commit("x")), page("3", commit("b"), commit("y"))])
    found = warehouse.edges("fractional_weight")
    # only `a` and `b` each share a second model with someone, so only the edges between them are summed; 3 / 17 is the
    # first quotient that a decimal does not keep to the last digit
    assert found["a", "b"] == found["a", "c"] == found["c", "d"]
    assert found["a", "b"][0] == pytest.approx(3 / 17)


def test_undated_commits_come_last(warehouse: Warehouse) -> None:
    warehouse.build([page("1", commit("ann", at=None), commit("bob", at=2), commit("cy", at=None))])
    found = set(warehouse.edges(rule="prior_contributors"))
    assert found == {("ann", "bob"), ("ann", "cy"), ("cy", "ann"), ("cy", "bob")}


@pytest.mark.parametrize("rule", RULES)
def test_developers_who_work_alone_have_a_self_loop(warehouse: Warehouse, rule: str) -> None:
    alone = [page("1", commit("ann", at=1), commit("ann", at=2)), page("2", commit("ann", at=3))]
    both = page("3", commit("ann", at=3), commit("bob", at=3))
    warehouse.build([*alone, both, page("4", commit("cy", at=1))])
    found = warehouse.edges("weight, n_repos, fractional_weight", rule)
    assert found == {
        ("ann", "ann"): (3, 2, 3.0),
        ("ann", "bob"): (1, 1, 1.0),
        ("bob", "ann"): (1, 1, 1.0),
        ("cy", "cy"): (1, 1, 1.0),
    }
    nodes = "select developer_id, n_repos, n_shared_repos, n_commits from int_hub__collaboration_developers"
    assert warehouse.rows(f"{nodes} where not includes_bots order by 1") == [
        ("ann", 3, 1, 4),
        ("bob", 1, 1, 1),
        ("cy", 1, 0, 1),
    ]


def test_bots_are_kept_or_excluded(warehouse: Warehouse) -> None:
    commits = [
        page("1", commit("ann", at=1), commit("a-bot", "bob", at=2), commit("ann", "a-bot", at=3)),
        page("2", commit("ann", at=1), commit("a-bot", at=2)),
        page("3", commit("a-bot", at=1)),
        page("4", commit("a-bot", "cy", at=1)),
    ]
    people = [developer(name, name) for name in ("ann", "bob", "cy")] + [developer("a-bot", "a-bot", is_bot=True)]
    warehouse.build(commits, core__developers=people)
    columns = "weight, n_repos, fractional_weight"
    assert warehouse.edges(columns, bots=True) == {
        ("ann", "bob"): (2, 1, 1.0),
        ("ann", "a-bot"): (3, 2, 2.0),
        ("a-bot", "ann"): (2, 2, 1.5),
        ("a-bot", "bob"): (1, 1, 0.5),
        ("a-bot", "a-bot"): (1, 1, 1.0),
        ("a-bot", "cy"): (1, 1, 1.0),
    }
    # a bot's commit is not attributed to its second author
    assert warehouse.edges(columns) == {
        ("ann", "bob"): (2, 1, 2.0),
        ("ann", "ann"): (1, 1, 1.0),
        ("cy", "cy"): (1, 1, 1.0),
    }
    assert warehouse.edges(rule="all_authors")["bob", "ann"] == (1,)
    assert warehouse.rows("select distinct developer_id from int_hub__collaboration_developers where is_bot") == [
        ("a-bot",)
    ]
    assert warehouse.rows("select count(*) from mart__collaboration_edges where '~a-bot' in (source, target)") == [(0,)]


def test_names_are_merged_but_generic_names_are_not(warehouse: Warehouse) -> None:
    people = [
        developer("ann", "d1"),
        developer("Ann A", "d1", match_method="same_name"),
        developer("bob", "d2"),
        developer("root", "d3", is_generic=True),
    ]
    commits = [
        page("1", commit("Ann A", at=1), commit("ann", "Ann A", at=2), commit("bob", "ann", at=3)),
        page("2", commit("root", at=1), commit("ann", at=2)),
        page("3", commit("root", at=1), commit("bob", at=2)),
        page("4", commit("ann", at=1), commit("Ann A", at=1)),
    ]
    warehouse.build(commits, core__developers=people)
    assert warehouse.edges(rule="all_authors") == {
        ("d1", "d2"): (3,),
        ("d2", "d1"): (1,),
        ("d1", "d1"): (2,),
        ("d3-2", "d1"): (1,),
        ("d1", "d3-2"): (1,),
        ("d3-3", "d2"): (1,),
        ("d2", "d3-3"): (1,),
    }


def test_authors_of_the_original_did_not_contribute_to_the_copy(warehouse: Warehouse) -> None:
    copied = page("1", commit("ann", "bob", title="Duplicate from bob/x"), commit("ann", "cy", title="Duplicate it"))
    untitled = page("2", commit("ann", "bob", title=None), commit("bob", title="Duplicate from bob/x"))
    warehouse.build([copied, untitled])
    columns = "weight, n_repos"
    found = {("ann", "cy"): (2, 1), ("ann", "bob"): (1, 1), ("bob", "ann"): (1, 1)}
    assert warehouse.edges(columns) == found
    # the rule is a row of data and can be turned off
    switch(warehouse, "duplicate_co_authors", on=False)
    warehouse.build([copied, untitled])
    assert warehouse.edges(columns) == found | {("ann", "bob"): (3, 2)}


def switch(warehouse: Warehouse, rule: str, *, on: bool) -> None:
    warehouse.connection.execute("update contribution_rules set is_applied = ? where rule = ?", [on, rule])


SIX = ("s1", "s2", "s3", "s4", "s5", "s6")


def test_squash_commit_credits_outsiders_unless_the_rule_is_on(warehouse: Warehouse) -> None:
    squashed = [page("1", commit("ann", *SIX), commit("bob"))]
    everybody = {("ann", other): (1,) for other in (*SIX, "bob")} | {("bob", other): (1,) for other in (*SIX, "ann")}
    warehouse.build(squashed)
    assert warehouse.edges() == everybody
    switch(warehouse, "squash_co_authors", on=True)
    warehouse.build(squashed)
    assert warehouse.edges() == {("ann", "bob"): (1,), ("bob", "ann"): (1,)}
    # the rule's threshold is data, too
    warehouse.connection.execute("update contribution_rules set threshold = 6 where rule = 'squash_co_authors'")
    warehouse.build(squashed)
    assert warehouse.edges() == everybody


@pytest.mark.parametrize(
    "others",
    [
        [page("2", commit(*SIX[:3]))],
        [page("2", commit(*SIX[:3]), repo_type="dataset")],
        [page("1", commit("ann", *SIX), commit(*SIX[:3]))],
    ],
    ids=["another model of the namespace", "a dataset of the namespace", "another commit"],
)
def test_co_authors_are_contributors_if_half_were_active_before(warehouse: Warehouse, others: list[Row]) -> None:
    switch(warehouse, "squash_co_authors", on=True)
    first = (
        [] if others[0]["repo_type"] == "model" and others[0]["repo_key"] == "1" else [page("1", commit("ann", *SIX))]
    )
    warehouse.build([*first, *others])
    assert {target for source, target in warehouse.edges() if source == "ann"} == set(SIX)


def test_discussions_and_accounts_count_as_activity_only_in_the_namespace(
    warehouse: Warehouse,
) -> None:
    switch(warehouse, "squash_co_authors", on=True)
    squash = page("1", commit("ann", "lab", *SIX[1:]))
    elsewhere = page("2", commit(*SIX)) | {"repo_id": "other/2"}
    talk = {"num": 1, "author": "s2", "is_pull_request": False, "created_at": datetime(2026, 10, 3)}
    talks = [{name: value for name, value in page("1").items() if name != "commits"} | {"discussions": [talk]}]
    member = {"snapshot_date": WEEK, "author": "s3", "outcome": "ok", "account_key": "k"}
    member |= {"organizations": [{"account_key": "l", "name": "Lab"}]}
    warehouse.build([squash, elsewhere], raw_hub__discussions=talks, enrich_hub__accounts=[member])
    assert {target for source, target in warehouse.edges() if source == "ann"} == {"lab", *SIX[1:]}
    warehouse.build([squash, elsewhere], raw_hub__discussions=talks)
    assert warehouse.edges()[("ann", "ann")] == (1,)


def test_bots_and_second_names_do_not_count_toward_the_threshold(warehouse: Warehouse) -> None:
    switch(warehouse, "squash_co_authors", on=True)
    people = [developer(name, name) for name in ("ann", *SIX[:4])]
    people += [developer("s5", "s4"), developer("s6", "s6", is_bot=True), developer("Ann A", "ann")]
    warehouse.build([page("1", commit("ann", "Ann A", *SIX))], core__developers=people)
    assert set(warehouse.edges()) == {("ann", name) for name in SIX[:4]}


def test_models_belong_to_the_networks_of_their_tags_that_week(warehouse: Warehouse) -> None:
    models: list[Row] = [
        {"_id": "1", "tags": ["pytorch", "image-classification", "multimodal"]},
        {"_id": "2", "pipeline_tag": "fill-mask"},
        {"_id": "3", "tags": ["fill-mask", "text-generation"], "pipeline_tag": "text-generation"},
        {"_id": "4", "tags": ["conversational", "image-text-to-text"]},
        {"_id": "5", "tags": []},
    ]
    earlier = date(2023, 10, 2)
    commits = [page(str(n), commit("ann"), commit(f"other {n}"), week=earlier) for n in range(1, 6)]
    listings = [listed("", day) | model for model in models for day in (earlier, WEEK)]
    for week in (earlier, WEEK):
        warehouse.build(commits, week, raw_hub__models=listings)
    in_networks = "select network, list(repo_key order by repo_key) from int_hub__model_networks where snapshot_date ="
    found = {week: dict(warehouse.rows(f"{in_networks} date '{week}' group by 1")) for week in (earlier, WEEK)}
    assert found[WEEK] == {"all": ["1", "2", "3", "4", "5"], "cv": ["1"], "mm": ["1"], "nlp": ["2", "3"]}
    # the tag still denoted a task at the time of the study
    assert found[earlier] == found[WEEK] | {"nlp": ["2", "3", "4"]}
    partners = {
        net: {target for source, target in warehouse.edges(net=net) if source == "ann"}
        for net in ("all", "cv", "mm", "nlp")
    }
    assert partners == {
        "all": {f"other {n}" for n in range(1, 6)},
        "cv": {"other 1"},
        "mm": {"other 1"},
        "nlp": {"other 2", "other 3"},
    }


def test_only_commits_to_listed_models_create_edges(warehouse: Warehouse) -> None:
    commits = [
        page("1", commit("ann"), commit("bob"), week=BEFORE),
        page("2", commit("ann"), commit("cy"), repo_type="dataset"),
        page("3", commit("ann"), commit("dan")),
    ]
    datasets = [listed("2")]
    warehouse.build(commits, BEFORE, raw_hub__models=[listed("1", BEFORE)], raw_hub__datasets=datasets)
    warehouse.build(commits, raw_hub__models=[listed("3"), listed("1", BEFORE)], raw_hub__datasets=datasets)
    edges = "select snapshot_date, source_id, target_id from int_hub__collaboration_edges"
    assert warehouse.rows(f"{edges} where edge_rule = 'first_author' and not includes_bots order by all") == [
        (BEFORE, "ann", "bob"),
        (BEFORE, "bob", "ann"),
        (WEEK, "ann", "dan"),
        (WEEK, "dan", "ann"),
    ]


def test_published_edges_use_pseudonyms(warehouse: Warehouse) -> None:
    warehouse.build([page("1", commit("ann", at=1), commit("bob", at=2)), page("2", commit("cy"))])
    rows = "select edge_rule, source, target, weight, n_repos, fractional_weight from mart__collaboration_edges"
    assert warehouse.rows(f"{rows} where edge_rule <> 'all_authors' order by all") == [
        ("first_author", "~ann", "~bob", 1, 1, 1.0),
        ("first_author", "~bob", "~ann", 1, 1, 1.0),
        ("first_author", "~cy", "~cy", 1, 1, 1.0),
        ("prior_contributors", "~bob", "~ann", 1, 1, 1.0),
        ("prior_contributors", "~cy", "~cy", 1, 1, 1.0),
    ]
    assert warehouse.failing() == []


def test_missing_developer_is_not_silently_dropped(warehouse: Warehouse) -> None:
    """The data tests block the week."""
    commits = [page("1", commit("ann"), commit("bob"))]
    warehouse.build(commits)
    warehouse.connection.execute("delete from core__pseudonyms where pseudonym = '~bob'")
    model = next(model for model in warehouse.project.models if model.name == "mart__collaboration_edges")
    replace_week(warehouse.connection, model.name, WEEK, model.render(WEEK))
    assert warehouse.failing() == ["mart__collaboration_edges: not_null"]
    warehouse.build(commits, core__developers=[developer("ann", "d1")])
    assert "int_hub__collaborations: not_null" in warehouse.failing()


def test_edges_grow_month_by_month(warehouse: Warehouse) -> None:
    def on(*users: str, month: int, day: int = 1) -> Row:
        return commit(*users, at=datetime(2026, month, day))

    commits = [
        # bob joins in March and cy, without first-author commits, in May; then ann continues
        page("1", on("ann", month=1), on("ann", month=2), on("bob", month=3), on("bob", "cy", month=5)),
        page("2", on("ann", month=5), on("bob", month=5)),
        # undated and future-dated commits count in the month of the week's last day
        page("3", on("dan", month=2), commit("dan", at=None), commit("eve", at=datetime(2033, 1, 1))),
        # commits dated before 2018 count in January 2018
        page("4", commit("fay", at=datetime(1970, 1, 1)), commit("fay", at=datetime(2017, 12, 31))),
        page("5", commit("gus", at=datetime(1969, 5, 5)), commit("hal", at=datetime(2018, 2, 1))),
    ]
    warehouse.build(commits)
    found = warehouse.rows(
        "select month, source_id, target_id, weight from int_hub__collaborations_by_month order by all"
    )
    of_the_year = [(month.month, *edge) for month, *edge in found if month.year == 2026]
    assert of_the_year == [
        (1, "ann", "ann", 1),
        (2, "ann", "ann", 1),
        (2, "dan", "dan", 1),
        (3, "ann", "bob", 2),
        (3, "bob", "ann", 1),
        (5, "ann", "bob", 1),
        (5, "ann", "cy", 2),
        (5, "bob", "ann", 2),
        (5, "bob", "cy", 2),
        (11, "dan", "eve", 2),
        (11, "eve", "dan", 1),
    ]
    assert [row for row in found if row[0].year != 2026] == [
        (date(2018, 1, 1), "fay", "fay", 2),
        (date(2018, 1, 1), "gus", "gus", 1),
        (date(2018, 2, 1), "gus", "hal", 1),
        (date(2018, 2, 1), "hal", "gus", 1),
    ]
    assert warehouse.failing() == []


Commits = list[tuple[str, list[str | None], datetime]]
"""Repository, authors and time of each commit; None is a deleted author."""

COMMITS = st.lists(
    st.tuples(
        st.sampled_from("123"),
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True),
        st.integers(0, 120).map(lambda day: datetime(2026, 1, 1) + timedelta(day)),
    ),
    max_size=15,
)


def looped(commits: Commits, rule: str) -> Edges:
    """Compute the edges in a loop over commits: (source, target) -> weight, models and fractional weight."""

    def crowd(repo: str, by: datetime | None = None) -> set[str]:
        then = [them for here, them, at in commits if here == repo and (by is None or at <= by)]
        return {author for them in then for author in them if author}

    weights: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for repo, them, at in commits:
        everybody = crowd(repo)
        targets = crowd(repo, at) if rule == "prior_contributors" else everybody
        for place, source in enumerate(them):
            if source and everybody == {source}:
                weights[source, source][repo] += 1
            elif source and (place == 0 or rule == "all_authors"):
                for target in targets - {source}:
                    weights[source, target][repo] += 1
    n_others = {repo: max(len(crowd(repo)) - 1, 1) for repo, *_ in commits}
    return {
        edge: (repos.total(), len(repos), sum(n / n_others[repo] for repo, n in repos.items()))
        for edge, repos in weights.items()
    }


@pytest.fixture(scope="module")
def small(few: Project) -> Iterator[Warehouse]:
    """A database shared by all examples."""
    made = Warehouse(few)
    yield made
    made.connection.close()


@pytest.mark.slow
@given(commits=COMMITS)
@settings(max_examples=15, deadline=None)
def test_loop_over_commits_gives_the_same_edges(small: Warehouse, commits: Commits) -> None:
    """The edges match under each rule and at each month's end; the last commit's month covers all. `d` is a bot."""
    rows = [
        {"snapshot_date": WEEK, "repo_key": repo, "commit_number": number, "developer_id": author}
        | {"is_bot": author == "d", "is_first_author": place == 0, "committed_at": at}
        for number, (repo, authors, at) in enumerate(commits)
        for place, author in enumerate(authors)
    ]
    networks = [{"snapshot_date": WEEK, "network": "all", "repo_key": repo} for repo in "123"]
    for table, content in (("int_hub__collaboration_commits", rows), ("int_hub__model_networks", networks)):
        small.empty(table)
        small.give(table, content)
    for model in small.project.models:
        if model.name in EDGES:
            replace_week(small.connection, model.name, WEEK, model.render(WEEK))
    out: Commits = [(repo, [None if author == "d" else author for author in them], at) for repo, them, at in commits]
    for bots, left in ((True, commits), (False, out)):
        for rule in RULES:
            found = small.edges("weight, n_repos, fractional_weight", rule, bots)
            assert found == {edge: pytest.approx(values) for edge, values in looped(left, rule).items()}
    for month in range(1, 7):
        grown = small.rows(
            "select source_id, target_id, sum(weight) from int_hub__collaborations_by_month "
            f"where source_id <> target_id and month <= date '2026-{month}-01' group by all"
        )
        then = looped([each for each in out if each[2] < datetime(2026, month + 1, 1)], "first_author")
        assert {tuple(edge): weight for *edge, weight in grown} == {
            edge: values[0] for edge, values in then.items() if edge[0] != edge[1]
        }


def test_model_with_many_developers_needs_little_memory(project: Project, tmp_path: Path) -> None:
    """300 developers commit once each, and then once more: half a million edges in total."""
    n = 300
    with duckdb.connect(tmp_path / "build.duckdb") as connection:
        connection.execute("set enable_progress_bar = false; set threads = 2; set memory_limit = '100MB'")
        connection.execute(f"""
            create table int_hub__collaboration_commits as
            select
                date '{WEEK}' as snapshot_date, '1' as repo_key, range as commit_number,
                concat('developer ', range % {n}) as developer_id, false as is_bot, true as is_first_author,
                timestamp '2026-01-01' + range * interval 1 minute as committed_at
            from range({2 * n})
        """)
        connection.execute(f"""
            create table int_hub__model_networks as
            select date '{WEEK}' as snapshot_date, 'all' as network, '1' as repo_key
        """)
        for model in project.models:
            if model.name in EDGES:
                replace_week(connection, model.name, WEEK, model.render(WEEK))
        pairs = n * (n - 1)
        assert connection.execute(
            "select includes_bots, edge_rule, count(*), sum(weight) "
            "from int_hub__collaboration_edges group by all order by all"
        ).fetchall() == [
            (bots, rule, pairs, weight)
            for bots in (False, True)
            # first-round commits reach only earlier developers (half of all pairs); second-round commits reach everyone
            for rule, weight in (
                ("all_authors", 2 * pairs),
                ("first_author", 2 * pairs),
                ("prior_contributors", pairs + pairs // 2),
            )
        ]


def test_models_with_too_many_pairs_keep_their_edges_implicit(few: Project) -> None:
    """With a bound of three pairs instead of millions."""
    name = "int_hub__implicit_collaborations"
    small = [replace(each, sql=each.sql.replace("4000000", "3")) if each.name == name else each for each in few.models]
    assert [each.name for each, was in zip(small, few.models, strict=True) if each.sql != was.sql] == [name]
    warehouse = Warehouse(replace(few, models=tuple(small)))
    # model 1 has four pairs of a first author and another developer, and six pairs of developers
    crowd = page("1", commit("ann", at=1), commit("bob", "cy", at=2), commit("ann", at=3))
    # model 2 has two pairs of a first author and another developer, and six pairs of developers
    squash = page("2", commit("ann", "dan", "eve", at=4))
    warehouse.build(
        [crowd, squash, page("3", commit("ann", at=5), commit("bob", at=6)), page("4", commit("fay", at=7))]
    )
    assert warehouse.rows(
        f"select edge_rule, repo_key, developer_id, n_commits from {name} where not includes_bots order by all"
    ) == [
        *(("all_authors", "1", who, n) for who, n in (("ann", 2), ("bob", 1), ("cy", 1))),
        *(("all_authors", "2", who, 1) for who in ("ann", "dan", "eve")),
        *(("first_author", "1", who, n) for who, n in (("ann", 2), ("bob", 1), ("cy", 0))),
        *(("prior_contributors", "1", who, n) for who, n in (("ann", 2), ("bob", 1), ("cy", 0))),
    ]
    meeting = {("ann", "bob"): (1, 1), ("bob", "ann"): (1, 1), ("fay", "fay"): (1, 1)}
    squashed = {("ann", "dan"): (1, 1), ("ann", "eve"): (1, 1)}
    assert warehouse.edges("weight, n_repos") == meeting | squashed
    assert warehouse.edges("weight, n_repos", "all_authors") == meeting
    prior = {("bob", "ann"): (1, 1), ("fay", "fay"): (1, 1)}
    assert warehouse.edges("weight, n_repos", "prior_contributors") == prior | squashed
    grown = warehouse.rows("select source_id, target_id, weight from int_hub__collaborations_by_month order by all")
    assert grown == sorted((*ends, weight) for ends, (weight, _) in (meeting | squashed).items())
    assert warehouse.failing() == []
    warehouse.connection.close()


def test_community_roles_now_and_at_each_month_end(project: Project) -> None:
    histories = ("int_hub__repositories", "int_hub__commit_histories", "int_hub__discussion_histories")
    people = ("int_hub__developer_contributions", "int_hub__developer_discussions")
    made = Warehouse(project, *histories, *people, "int_hub__space_models")

    def give(table: str, last: str, *rows: tuple[str, str, Any] | tuple[str, str, str, datetime | None]) -> None:
        columns = ("repo_type", "repo_key", *(["developer_id"] if table in people else []), last)
        made.give(table, [{"snapshot_date": WEEK, **dict(zip(columns, row, strict=True))} for row in rows])

    repos = [("model", "1"), ("model", "2"), ("model", "unknown"), ("space", "3"), ("space", "nobody")]
    give("int_hub__repositories", "repo_id", *((*repo, "lab/x") for repo in repos))
    give("int_hub__commit_histories", "n_commits", *((*repo, 9) for repo in repos if repo[1] != "unknown"))
    give("int_hub__discussion_histories", "n_discussions", *((*repo, 9) for repo in repos))
    give(
        "int_hub__developer_contributions",
        "first_commit_at",
        ("model", "1", "ann", datetime(2026, 1, 31)),
        ("model", "1", "bob", datetime(2026, 3, 1)),
        ("model", "2", "ann", datetime(2026, 3, 1)),
        ("model", "unknown", "dan", datetime(2026, 3, 1)),
        ("space", "3", "ann", None),
        ("space", "3", "bob", datetime(1970, 1, 1)),
    )
    give(
        "int_hub__developer_discussions",
        "first_discussion_at",
        ("model", "1", "ann", datetime(2026, 3, 5)),
        ("model", "1", "cy", datetime(2026, 2, 1)),
        ("model", "2", "bob", datetime(2026, 2, 1)),
        ("model", "2", "ann", datetime(2026, 3, 31)),
        ("model", "unknown", "cy", datetime(2026, 2, 1)),
    )
    models = [model for model in made.project.models if model.name in ("mart__repo_activity", "mart__community_roles")]
    made.fill(models, WEEK)
    # some developers only commit, some only start discussions, some do both; each counts once per repository
    now = "repo_type, repo_key, n_only_committers, n_only_starters, n_both, n_community"
    assert made.rows(f"select {now} from mart__repo_activity order by all") == [
        ("model", "1", 1, 1, 1, 3),
        ("model", "2", 0, 1, 1, 2),
        ("model", "unknown", None, None, None, None),
        ("space", "3", 2, 0, 0, 2),
        ("space", "nobody", 0, 0, 0, 0),
    ]
    assert made.rows("select * exclude (snapshot_date) from mart__community_roles order by all") == [
        ("model", date(2026, 1, 1), False, 1, 0, 0, 1),
        ("model", date(2026, 2, 1), False, 1, 2, 0, 3),
        ("model", date(2026, 3, 1), True, 1, 2, 2, 5),
        ("space", date(2018, 1, 1), False, 1, 0, 0, 1),
        ("space", date(2026, 11, 1), True, 2, 0, 0, 2),
    ]
    made.connection.close()


REFERENCE = {
    (True, 1): (571, 2611),
    (True, 5): (278, 2049),
    (True, 10): (103, 1111),
    (True, 26): (14, 182),
    (False, 1): (524, 2087),
    (False, 5): (219, 1561),
    (False, 10): (94, 928),
    (False, 24): (13, 156),
}
"""Nodes and edges of the k-cores of the recorded commits under the published rule, from the recording's `README.md`."""
BOTS = ("system", "SFconvertbot", "leaderboard-pr-bot", "librarian-bot", "modularbot")


def recorded(folder: Path) -> list[Row]:
    """Return the recorded commits as pages; this file names no authors except bots."""
    by_model: dict[str, list[Row]] = defaultdict(list)
    for row in pq.read_table(folder / "top_models_2024" / "commits.parquet").to_pylist():
        at = datetime.fromisoformat(row["date"]).replace(tzinfo=None)
        by_model[row["model_id"]].append(commit(*row["authors"], at=at, title=row["title"]))
    return [page(model, *commits) for model, commits in by_model.items()]


def cores(warehouse: Warehouse, bots: bool) -> dict[tuple[bool, int], tuple[int, int]]:
    """Return nodes and edges of the k-cores reported in the study."""
    graph = nx.DiGraph([edge for edge in warehouse.edges(bots=bots) if edge[0] != edge[1]])
    greatest = max(nx.core_number(graph).values())
    found = {k: nx.k_core(graph, k) for k in (1, 5, 10, greatest)}
    return {(bots, k): (core.number_of_nodes(), core.number_of_edges()) for k, core in found.items()}


@pytest.mark.slow
def test_recorded_commits_reproduce_the_reference_network(warehouse: Warehouse, real_data: Path) -> None:
    commits = recorded(real_data)
    alone = [developer(name, name, is_bot=name in BOTS) for name in sorted(authors(commits))]
    switch(warehouse, "duplicate_co_authors", on=False)
    warehouse.build(commits, core__developers=alone)
    assert warehouse.failing() == []
    counts = (
        "select includes_bots, count(*) from int_hub__collaboration_developers "
        "where network = 'all' group by all order by all"
    )
    assert warehouse.rows(counts) == [(False, 648), (True, 653)]
    assert cores(warehouse, True) | cores(warehouse, False) == REFERENCE
    # merge the person with two names in the maximal core, and exclude co-authors of copied commits
    switch(warehouse, "duplicate_co_authors", on=True)
    [core] = [page for page in commits if page["repo_key"] == "deepset/roberta-base-squad2"]
    plain = defaultdict(list)
    for name in sorted(authors([core])):
        plain[re.sub(r"[^a-z0-9]", "", name.lower())].append(name)
    [(kept, merged)] = [twins for twins in plain.values() if len(twins) == 2]
    people = [row | {"developer_id": kept} if row["author"] == merged else row for row in alone]
    warehouse.build(commits, core__developers=people)
    assert list(cores(warehouse, False).values()) == [(521, 2058), (218, 1533), (93, 900), (12, 132)]


@pytest.mark.slow
def test_recorded_commits_contain_no_squash_and_a_zero_threshold_removes_edges(
    warehouse: Warehouse, real_data: Path
) -> None:
    commits = [page | {"repo_id": page["repo_key"]} for page in recorded(real_data)]
    people = [developer(name, name, is_bot=name in BOTS) for name in sorted(authors(commits))]

    def found() -> list[tuple[int, int]]:
        warehouse.build(commits, core__developers=people)
        return list(cores(warehouse, False).values())

    off = found()
    assert off == [(522, 2086), (219, 1561), (94, 928), (13, 156)]
    # no recorded commit has more than two co-authors
    switch(warehouse, "squash_co_authors", on=True)
    assert found() == off
    warehouse.connection.execute("update contribution_rules set threshold = 0 where rule = 'squash_co_authors'")
    assert found() == [(379, 1512), (172, 1169), (88, 817), (13, 156)]
