"""The measures of networks of the Hub's shape: of the study's size beside networkx, ten and a hundred times that."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import Stage, benchmark

if TYPE_CHECKING:
    import pyarrow as pa

    from hub_assets.networks.graph import Graph

Numbers = dict[str, float | None]
Sizes = tuple[int, int]
Measured = Callable[[Clock, Sizes], Numbers]

STUDY: Final[Sizes] = (10_524, 21_600)
"""Developers who are not isolates, and edges."""
LARGE: Final[Sizes] = (100_000, 300_000)
HUGE: Final[Sizes] = (1_000_000, 3_000_000)
LEAST: Final = 50
"""Developers, however small the scale."""


@benchmark("networks", order=58)
def networks(stage: Stage) -> Iterator[Measurement]:
    """Measure networks and their cores; communities, cores and clustering beside networkx's."""
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
        # of joins that are as good each takes others
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
    nulls = measure(hold_against_chance, study)
    yield nulls.measurement("networks: null models", nulls.result)
    greedy = measure(find_greedy_communities, large)
    yield greedy.measurement("networks: greedy communities, large", greedy.result, grows=True)
    for sizes in (study, large, huge):
        by_leiden = measure(measure_without_greedy, sizes)
        yield by_leiden.measurement("networks: Leiden in place of greedy", by_leiden.result, grows=True)


def scaled(sizes: Sizes, scale: float) -> Sizes:
    """Return a share of the developers and edges."""
    n_developers = max(round(sizes[0] * scale), LEAST)
    return n_developers, round(sizes[1] / sizes[0] * n_developers)


def graph_of(sizes: Sizes) -> "Graph":
    """Return a network of a size."""
    from hub_assets.networks.graph import Graph
    from hub_assets_tests.networks.made import hub_like

    return Graph.of(hub_like(*sizes))


def contributions_of(edges: "pa.Table") -> "pa.Table":
    """Return a repository for each edge."""
    import numpy as np
    import pyarrow as pa

    keys = pa.array(np.char.mod("%d", np.arange(len(edges))))
    parts = [pa.table({"repo_key": keys, "developer": edges[end].combine_chunks()}) for end in ("source", "target")]
    return pa.concat_tables(parts)


def measure_all(clock: Clock, sizes: Sizes) -> int:
    """Make the tables of cores and developers, and the summary, from a table of edges."""
    return _measure_all(clock, sizes)


def measure_without_greedy(clock: Clock, sizes: Sizes) -> int:
    """Do the same as if the network were too large for greedy communities."""
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
    """Rewire the cores twenty times each."""
    from hub_assets.networks.null_models import null_table

    graph = graph_of(sizes)
    with clock:
        null_table(graph)
    return graph.n_edges


def find_greedy_communities(clock: Clock, sizes: Sizes) -> int:
    """Look for greedy communities alone."""
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
    """Return the same by networkx, whose graph is there already."""
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
        return {"weighted": average_clustering(graph, graph.weights), "unweighted": average_clustering(graph)}


def clustering_by_networkx(clock: Clock, sizes: Sizes) -> Numbers:
    """Return the same by networkx, whose graph is there already."""
    import networkx as nx

    graph = graph_of(sizes).to_networkx()
    with clock:
        return {
            "weighted": float(nx.average_clustering(graph, weight="weight")),
            "unweighted": float(nx.average_clustering(graph)),
        }


def communities(clock: Clock, sizes: Sizes) -> Numbers:
    """Return modularity and number of greedy communities."""
    from hub_assets.networks.communities import greedy_communities

    graph = graph_of(sizes)
    with clock:
        found = greedy_communities(graph)
    return {"modularity": found.modularity, "communities": found.n_communities}


def communities_by_networkx(clock: Clock, sizes: Sizes) -> Numbers:
    """Return the same by networkx, whose graph is there already."""
    import networkx as nx

    links = graph_of(sizes).to_networkx().to_undirected()
    with clock:
        found = nx.community.greedy_modularity_communities(links)
        modularity = nx.community.modularity(links, found, weight=None)
    return {"modularity": float(modularity), "communities": len(found)}


def _sums(values: list[Any]) -> Numbers:
    return {"sum": sum(values), "sum of squares": sum(value**2 for value in values), "greatest": max(values)}
