"""Measures of Hub-like networks: at the study's size (compared with networkx), and at ten and 100 times that size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from hub_assets.networks.graph import Graph

Numbers = dict[str, float | None]
Sizes = tuple[int, int]
Measured = Callable[[Clock, Sizes], Numbers]

STUDY: Final[Sizes] = (10_524, 21_600)
"""Numbers of non-isolated developers and of edges."""
LARGE: Final[Sizes] = (100_000, 300_000)
HUGE: Final[Sizes] = (1_000_000, 3_000_000)
LEAST: Final = 50
"""Minimum number of developers at any scale."""
SUBFIELDS: Final = {"nlp": 0.35, "cv": 0.05, "mm": 0.15}
"""Share of models in each sub-field's network, besides the network of all models."""
MONTHS: Final = 20
GIVEN: Final = ("int_hub__collaboration_commits", "int_hub__model_networks")
"""Tables from which the edges are built."""
MADE: Final = (
    *("int_hub__collaborations", "int_hub__collaboration_developers"),
    *("int_hub__implicit_collaborations", "int_hub__collaboration_edges"),
)


@benchmark("networks", order=58)
def networks(stage: Stage) -> Iterator[Measurement]:
    """Measure networks and cores; communities, core numbers and clustering are compared with networkx."""
    edges, loop = measure(build_edges, stage.scale), measure(build_edges_by_loop, stage.scale)
    yield edges.measurement(
        "networks: edges",
        int(edges.result["commits"] or 1),
        peers=[loop.peer("the published loop")],
        answers=compare(edges.result, loop.result),
        aims=[Aim("seconds", edges.seconds, 30, "s"), Aim("peak memory", edges.peak / GIB, 4, "GiB")],
    )
    tables = measure(make_tables, stage.scale)
    yield tables.measurement(
        "networks: tables 6-9",
        int(tables.result["commits"] or 1),
        answers=compare(tables.result, loop.result),
        aims=[Aim("seconds", tables.seconds, 60, "s"), Aim("peak memory", tables.peak / GIB, 4, "GiB")],
    )
    study, large, huge = (scaled(sizes, stage.scale) for sizes in (STUDY, LARGE, HUGE))
    all_of_it = measure(measure_all, study)
    yield all_of_it.measurement(
        "networks: all measures",
        all_of_it.result,
        aims=[Aim("seconds", all_of_it.seconds, 60, "s"), Aim("peak memory", all_of_it.peak / GIB, 2, "GiB")],
    )
    pairs: list[tuple[str, Measured, Measured, float]] = [
        ("core numbers", core_numbers, core_numbers_by_networkx, 0),
        ("clustering", clustering, clustering_by_networkx, 1e-9),
        # the implementations break ties differently
        ("greedy communities", communities, communities_by_networkx, 0.05),
    ]
    for name, by_us, by_networkx, tolerance in pairs:
        ours, theirs = measure(by_us, study), measure(by_networkx, study)
        yield ours.measurement(
            f"networks: {name}",
            all_of_it.result,
            peers=[theirs.peer("networkx")],
            answers=compare(ours.result, theirs.result, tolerance),
        )
    months = measure(measure_months, study)
    yield months.measurement("networks: over time", months.result)
    nulls = measure(hold_against_chance, study)
    yield nulls.measurement("networks: null models", nulls.result)
    greedy = measure(find_greedy_communities, large)
    yield greedy.measurement("networks: greedy communities, large", greedy.result, grows=True)
    for sizes in (study, large, huge):
        by_leiden = measure(measure_without_greedy, sizes)
        yield by_leiden.measurement("networks: Leiden instead of greedy", by_leiden.result, grows=True)


def commits_of(scale: float) -> "pa.Table":
    """Return made-up commits like the study's: seven per model on average, and for most models a single developer.

    One row per commit and author: `repo`, `developer`, `commit_number`, `is_first_author`.
    """
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(1)
    n_models, n_developers = round(348_181 * scale), max(round(101_144 * scale), LEAST)
    n_commits = rng.geometric(1 / 7.28, n_models)
    repo = np.repeat(np.arange(n_models), n_commits)
    owner = (n_developers * rng.random(n_models) ** 2).astype(np.int64)
    # one model in eight has several developers, and those other than the main one make a third of its commits
    is_shared = (rng.random(n_models) < 0.13)[repo] & (rng.random(len(repo)) < 0.35)
    other = (owner[repo] + rng.geometric(0.5, len(repo)) * 17) % n_developers
    author = np.where(is_shared, other, owner[repo])
    is_co_authored = is_shared & (rng.random(len(repo)) < 0.2)
    numbers = np.arange(len(repo))
    rows = (np.append(repo, repo[is_co_authored]), np.append(author, owner[repo[is_co_authored]]))
    first = np.append(np.ones(len(repo), bool), np.zeros(is_co_authored.sum(), bool))
    number = np.append(numbers, numbers[is_co_authored])
    is_new = first | (rows[1] != author[number])
    table = pa.table({"repo": rows[0], "developer": rows[1], "commit_number": number, "is_first_author": first})
    return table.filter(pa.array(is_new))


@contextmanager
def warehouse_of(scale: float) -> "Iterator[tuple[duckdb.DuckDBPyConnection, Callable[[], None]]]":
    """Yield a database with commits and the networks of their models, and a function that builds all edges."""
    import duckdb

    from hub_assets.resources import project
    from hub_assets.warehouse.database import replace_week
    from hub_assets_tests.warehouse.building import prepare_tables

    loaded = project()
    models = {model.name: model for model in loaded.models}

    def make() -> None:
        for name in MADE:
            replace_week(connection, name, WEEK, models[name].render(WEEK))

    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        prepare_tables(connection, loaded)
        for name in GIVEN:
            columns = ", ".join(f"{column.name} {column.type}" for column in models[name].columns)
            connection.execute(f"create table {name} ({columns})")
        connection.register("commits", commits_of(scale))
        connection.execute(f"""
            insert into int_hub__collaboration_commits by name
            select
                date '{WEEK}' as snapshot_date, repo::varchar as repo_key, commit_number, is_first_author,
                lpad(developer::varchar, 16, '0') as developer_id, false as is_bot,
                timestamp '2022-03-02' + interval 10 second * commit_number as committed_at
            from commits
        """)
        # models are assigned to each sub-field independently; as on the Hub, a model may be in several
        for network, share in {"all": 1.0, **SUBFIELDS}.items():
            connection.execute(f"""
                insert into int_hub__model_networks by name
                select distinct date '{WEEK}' as snapshot_date, '{network}' as network, repo::varchar as repo_key
                from commits
                where hash(repo, '{network}') % 1000 < {1000 * share}
            """)
        yield connection, make


def counts_of(connection: "duckdb.DuckDBPyConnection") -> Numbers:
    """Return the number of commits, and the number and total weight of the edges.

    The edges are the network of all models by the study's rule, without self-loops.
    """
    ((commits,),) = connection.execute("select count(*) from commits where is_first_author").fetchall()
    ((edges, weight),) = connection.execute(
        "select count(*), sum(weight) from int_hub__collaboration_edges "
        "where network = 'all' and edge_rule = 'first_author' and not includes_bots and source_id <> target_id"
    ).fetchall()
    return {"commits": float(commits), "edges": float(edges), "weight": float(weight or 0)}


def build_edges(clock: Clock, scale: float) -> Numbers:
    """Build the edges of all rules and sub-fields with SQL; return the counts of those by the study's rule."""
    with warehouse_of(scale) as (connection, make):
        with clock:
            make()
        return counts_of(connection)


def make_tables(clock: Clock, scale: float) -> Numbers:
    """Build the study's Tables 6-9 from commits: edges, and measures of the cores of each network."""
    from hub_assets.networks.cores import core_table
    from hub_assets.networks.graph import Graph

    with warehouse_of(scale) as (connection, make):
        with clock:
            make()
            for network in ("all", *SUBFIELDS):
                edges = connection.sql(f"""
                    select source_id as source, target_id as target, weight, fractional_weight
                    from int_hub__collaboration_edges
                    where network = '{network}' and edge_rule = 'first_author' and not includes_bots
                """).to_arrow_table()
                contributions = connection.sql(f"""
                    select repo_key, developer_id as developer from int_hub__collaborations
                    where
                        not includes_bots
                        and repo_key in (select repo_key from int_hub__model_networks where network = '{network}')
                """).to_arrow_table()
                core_table(Graph.of(edges), contributions)
        return counts_of(connection)


def measure_months(clock: Clock, sizes: Sizes) -> int:
    """Measure a growing network at the end of each of 20 months; each month adds about the same number of edges."""
    import numpy as np
    import pyarrow as pa

    from hub_assets.networks.over_time import over_time_table
    from hub_assets_tests.networks.made import hub_like

    edges = hub_like(*sizes)
    of_each = np.random.default_rng(1).integers(0, MONTHS, len(edges))
    months = pa.array([date(2022 + month // 12, 1 + month % 12, 1) for month in range(MONTHS)])
    growth = edges.append_column("month", months.take(pa.array(of_each)))
    with clock:
        over_time_table(growth)
    return len(edges)


def build_edges_by_loop(clock: Clock, scale: float) -> Numbers:
    """Compute the same edges as the published script does: loop over repositories and commits, then group."""
    import pandas as pd

    frame = commits_of(scale).to_pandas()
    with clock:
        rows = []
        for _, repo in frame.groupby("repo"):
            developers = repo["developer"].unique()
            for source in repo.loc[repo["is_first_author"], "developer"]:
                rows += [(source, target) for target in developers if target != source]
        weights = pd.DataFrame(rows, columns=["source", "target"]).groupby(["source", "target"]).size()
    return {
        "commits": float(frame["is_first_author"].sum()),
        "edges": float(len(weights)),
        "weight": float(weights.sum()),
    }


def scaled(sizes: Sizes, scale: float) -> Sizes:
    """Return the given numbers of developers and edges, scaled but with at least `LEAST` developers."""
    n_developers = max(round(sizes[0] * scale), LEAST)
    return n_developers, round(sizes[1] / sizes[0] * n_developers)


def graph_of(sizes: Sizes) -> "Graph":
    """Return a network with the given numbers of developers and edges."""
    from hub_assets.networks.graph import Graph
    from hub_assets_tests.networks.made import hub_like

    return Graph.of(hub_like(*sizes))


def contributions_of(edges: "pa.Table") -> "pa.Table":
    """Return contributions with a separate repository per edge."""
    import numpy as np
    import pyarrow as pa

    keys = pa.array(np.char.mod("%d", np.arange(len(edges))))
    parts = [pa.table({"repo_key": keys, "developer": edges[end].combine_chunks()}) for end in ("source", "target")]
    return pa.concat_tables(parts)


def measure_all(clock: Clock, sizes: Sizes) -> int:
    """Build the tables of cores and developers and the summary from a table of edges."""
    return _measure_all(clock, sizes)


def measure_without_greedy(clock: Clock, sizes: Sizes) -> int:
    """Do the same as `measure_all`, but treat the network as too large for greedy communities."""
    return _measure_all(clock, sizes, most_edges=0)


def _measure_all(clock: Clock, sizes: Sizes, **how: int) -> int:
    from hub_assets.networks.centrality import centrality_table, summary_table
    from hub_assets.networks.cores import core_table
    from hub_assets.networks.graph import Graph
    from hub_assets_tests.networks.made import hub_like

    edges = hub_like(*sizes)
    contributions = contributions_of(edges)
    with clock:
        graph = Graph.of(edges)
        core_table(graph, contributions, **how)
        summary_table(graph, centrality_table(graph, contributions, **how))
    return graph.n_edges


def hold_against_chance(clock: Clock, sizes: Sizes) -> int:
    """Rewire each core 20 times."""
    from hub_assets.networks.null_models import null_table

    graph = graph_of(sizes)
    with clock:
        null_table(graph)
    return graph.n_edges


def find_greedy_communities(clock: Clock, sizes: Sizes) -> int:
    """Find only the greedy communities."""
    from hub_assets.networks.communities import greedy_communities

    graph = graph_of(sizes)
    with clock:
        greedy_communities(graph)
    return graph.n_edges


def core_numbers(clock: Clock, sizes: Sizes) -> Numbers:
    """Return sums of core numbers."""
    from hub_assets.networks import cores

    graph = graph_of(sizes)
    with clock:
        numbers = cores.core_numbers(graph)
    return _sums(numbers.tolist())


def core_numbers_by_networkx(clock: Clock, sizes: Sizes) -> Numbers:
    """Compute the same measure with networkx; building its graph is not timed."""
    import networkx as nx

    graph = graph_of(sizes).to_networkx()
    with clock:
        numbers = nx.core_number(graph)
    return _sums(list(numbers.values()))


def clustering(clock: Clock, sizes: Sizes) -> Numbers:
    """Return weighted and unweighted clustering."""
    from hub_assets.networks.clustering import average_clustering

    graph = graph_of(sizes)
    with clock:
        return {"weighted": average_clustering(graph, "weight"), "unweighted": average_clustering(graph)}


def clustering_by_networkx(clock: Clock, sizes: Sizes) -> Numbers:
    """Compute the same measure with networkx; building its graph is not timed."""
    import networkx as nx

    graph = graph_of(sizes).to_networkx()
    with clock:
        return {
            "weighted": float(nx.average_clustering(graph, weight="weight")),
            "unweighted": float(nx.average_clustering(graph)),
        }


def communities(clock: Clock, sizes: Sizes) -> Numbers:
    """Return the modularity and number of greedy communities."""
    from hub_assets.networks.communities import greedy_communities

    graph = graph_of(sizes)
    with clock:
        found = greedy_communities(graph)
    return {"modularity": found.modularity, "communities": found.n_communities}


def communities_by_networkx(clock: Clock, sizes: Sizes) -> Numbers:
    """Compute the same measure with networkx; building its graph is not timed."""
    import networkx as nx

    links = graph_of(sizes).to_networkx().to_undirected()
    with clock:
        found = nx.community.greedy_modularity_communities(links)
        modularity = nx.community.modularity(links, found, weight=None)
    return {"modularity": float(modularity), "communities": len(found)}


def _sums(values: list[Any]) -> Numbers:
    return {"sum": sum(values), "sum of squares": sum(value**2 for value in values), "greatest": max(values)}
