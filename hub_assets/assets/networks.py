"""Assets that measure and export the collaboration, usage and base-model networks.

SQL models compute the edges; `hub_assets.networks` computes the measures.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from hub_assets.assets.tables import python_step, store, with_metadata
from hub_assets.metadata import RESULT_ROWS, tracked_metrics
from hub_assets.resources import HomeResource

if TYPE_CHECKING:  # importing igraph and networkx takes a third of a second
    from hub_assets.networks.graph import Graph

NETWORKS: Final = ("all", "cv", "nlp", "mm")
RULES: Final = ("first_author", "all_authors", "prior_contributors")
BOTS: Final = (False, True)
"""Whether bots count as developers; the study excludes them."""
COLLABORATION: Final = [
    "int_hub__collaboration_edges",
    "int_hub__collaboration_developers",
    "int_hub__collaborations",
    "int_hub__implicit_collaborations",
    "int_hub__model_networks",
    "mart__repo_activity",
]
GROWTH: Final = [
    "int_hub__collaborations_by_month",
    "int_hub__contributions_by_month",
    "int_hub__implicit_collaborations",
    "int_hub__model_networks",
    "mart__repo_activity",
]
USAGE: Final = ["mart__usage_edges", "network__model_usage", "stg_hub__spaces"]
FOLLOWED: Final = ("nodes", "edges", "modularity", "density", "reciprocity", "average_clustering")
"""Measures that are plotted over the weeks."""
MOST_IN_GRAPHML: Final = 1_000_000
"""Networks with more edges are exported as Parquet only: GraphML would take over 300 MB, too much for most programs."""


class NullModels(dg.Config):
    """The number of random networks to compare each core with."""

    draws: int = Field(
        default=20, ge=0, description="Rewired copies of each core; with 20, a z-score is accurate to about a sixth."
    )


@dataclass(frozen=True)
class Collaboration:
    """A network of developers: its graph, contributions to models, and the number of models with known commits.

    `implicit` holds the contributions to models whose edges are implicit (`repo_key`, `developer`, `n_commits`). If
    these contributions do not determine the edges, as under the rule `prior_contributors`, `graph` is None.

    Developers are identified by their ids, so that communities do not depend on a home's secret. Replace the ids with
    pseudonyms before you show them.
    """

    network: str
    edge_rule: str
    includes_bots: bool
    graph: "Graph | None"
    contributions: pa.Table
    implicit: pa.Table
    n_developers: int
    n_models: int
    n_models_known: int

    @property
    def is_studied(self) -> bool:
        """Whether the network uses the study's edge rule and excludes bots."""
        return (self.edge_rule, self.includes_bots) == (RULES[0], BOTS[0])

    def named(self, rows: pa.Table) -> pa.Table:
        """Return the rows with columns added for the network, edge rule, bot handling and coverage."""
        n_implicit = len(pc.unique(self.implicit["repo_key"]))
        coverage = (self.n_models, self.n_models_known, n_implicit)
        return _named(rows, self.network, self.edge_rule, self.includes_bots, *coverage)


def build_networks() -> list[dg.AssetsDefinition]:
    """Build the assets for all networks."""
    return [
        _build_collaboration(),
        _build_null_models(),
        _build_over_time(),
        _build_usage(),
        _build_cycles(),
        _build_families(),
    ]


def collaborations(
    connection: duckdb.DuckDBPyConnection, snapshot_date: date, *, is_studied: bool = False
) -> Iterator[Collaboration]:
    """Yield one week's collaboration networks, skipping those without developers.

    Args:
        connection: the build database.
        snapshot_date: the week.
        is_studied: yield only networks that use the study's edge rule and exclude bots.
    """
    from hub_assets.networks.graph import Graph

    week = f"snapshot_date = date '{snapshot_date}'"
    counts = connection.execute(
        "select network, includes_bots, count(*) "
        f"from int_hub__collaboration_developers where {week} group by network, includes_bots"
    ).fetchall()
    counted = {(network, includes_bots): n for network, includes_bots, n in counts}
    known = _models_known(connection, snapshot_date)
    rules, variants = (RULES[:1], BOTS[:1]) if is_studied else (RULES, BOTS)
    for network, edge_rule, includes_bots in product(NETWORKS, rules, variants):
        if (network, includes_bots) not in counted:
            continue
        which = f"{week} and edge_rule = '{edge_rule}' and includes_bots = {includes_bots}"
        implicit = connection.sql(f"""
            select contributions.repo_key, developer_id as developer, n_commits
            from (from int_hub__implicit_collaborations where {which}) as contributions
            inner join (from int_hub__model_networks where {week} and network = '{network}') as networks
                on contributions.repo_key = networks.repo_key
        """).to_arrow_table()
        contributions = connection.sql(f"""
            select contributions.repo_key, developer_id as developer
            from (from int_hub__collaborations where {week} and includes_bots = {includes_bots}) as contributions
            inner join (from int_hub__model_networks where {week} and network = '{network}') as networks
                on contributions.repo_key = networks.repo_key
        """).to_arrow_table()
        n_developers, graph = counted[network, includes_bots], None
        if len(implicit) == 0 or edge_rule != "prior_contributors":
            edges = connection.sql(f"""
                select source_id as source, target_id as target, weight, fractional_weight
                from int_hub__collaboration_edges
                where {which} and network = '{network}'
            """).to_arrow_table()
            graph = Graph.of(edges, implicit)
            del edges  # frees 120 MB for a model with 1,500 developers
            # developers without any edge or self-loop are isolates and belong to the network, too
            graph = replace(graph, n_isolates=n_developers - graph.n_nodes)
        of_models = (contributions, implicit, n_developers, *known[network])
        yield Collaboration(network, edge_rule, includes_bots, graph, *of_models)


def _models_known(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> dict[str, tuple[int, int]]:
    """Return, for each network, its number of models and how many of them have known commits."""
    week = f"snapshot_date = date '{snapshot_date}'"
    counts = connection.execute(f"""
        select network, count(*), count(n_commits)
        from (from int_hub__model_networks where {week}) as networks
        inner join (from mart__repo_activity where {week} and repo_type = 'model') as models
            on networks.repo_key = models.repo_key
        group by network
    """).fetchall()
    return {network: (n, n_known) for network, n, n_known in counts}


def _named(
    rows: pa.Table,
    network: str,
    edge_rule: str,
    includes_bots: bool,
    n_models: int,
    n_models_known: int,
    n_models_implicit: int = 0,
) -> pa.Table:
    coverage = {"n_models": n_models, "n_models_known": n_models_known, "share_known": n_models_known / n_models}
    coverage["n_models_implicit"] = n_models_implicit
    for name in coverage.keys() & set(rows.column_names):
        rows = rows.set_column(rows.column_names.index(name), name, pa.repeat(coverage[name], len(rows)))
    for name, value in (("includes_bots", includes_bots), ("edge_rule", edge_rule), ("network", network)):
        rows = rows.add_column(0, name, pa.repeat(value, len(rows)))
    return rows


def _build_collaboration() -> dg.AssetsDefinition:
    cores, summary, centrality = names = (
        "network__collaboration_cores",
        "network__summary",
        "network__developer_centrality",
    )

    # one step, so that each graph is built only once
    @python_step("network__collaboration", dict.fromkeys(names, (*COLLABORATION, "core__pseudonyms")), "igraph")
    def collaboration(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        from hub_assets.networks import schemas
        from hub_assets.networks.centrality import centrality_table, summary_table
        from hub_assets.networks.communities import ORDERS
        from hub_assets.networks.cores import core_table
        from hub_assets.networks.tables import table_of

        exports = home.home.exports / str(snapshot_date)
        parts: dict[str, list[pa.Table]] = {name: [] for name in names}
        shown: dict[str, dict[str, Any]] = {name: {} for name in names}
        with home.building(snapshot_date) as connection:
            named = _pseudonymiser(connection, snapshot_date)
            for found in collaborations(connection, snapshot_date):
                if found.graph is None:
                    unknown = table_of([{"n_developers": found.n_developers}], schemas.SUMMARY)
                    parts[summary].append(found.named(unknown))
                    continue
                central = centrality_table(found.graph, found.contributions)
                n_orders = ORDERS if found.is_studied else 0
                measured = core_table(found.graph, found.contributions, n_orders=n_orders)
                parts[cores].append(found.named(measured))
                parts[summary].append(found.named(summary_table(found.graph, central)))
                if not found.is_studied:
                    continue
                central, edges = named(central, "developer"), named(found.graph.table(), "source", "target")
                parts[centrality].append(found.named(central))
                implicit = _numbered(named(found.implicit, "developer"))
                stem = exports / f"collaboration_{found.network}"
                shown[centrality] |= _export(stem, central, edges, implicit=implicit)
            of = {
                cores: schemas.COLLABORATION_CORES,
                summary: schemas.SUMMARY,
                centrality: schemas.DEVELOPER_CENTRALITY,
            }
            tables = {name: _whole(of[name], some) for name, some in parts.items()}
            results = {
                name: store(connection, name, snapshot_date, table, RESULT_ROWS) for name, table in tables.items()
            }
        shown[cores] |= _of_cores(_studied(tables[cores]), {f"{name}_of_{{network}}": name for name in FOLLOWED})
        shown[summary] |= tracked_metrics(
            _studied(tables[summary]),
            {f"{name}_of_{{network}}": name for name in ("n_developers", "share_isolates", "nodes", "edges")},
        )
        for name in names:
            yield with_metadata(results[name], shown[name])

    return collaboration


def _build_null_models() -> dg.AssetsDefinition:
    name = "network__null_models"

    @python_step(name, {name: COLLABORATION}, "igraph")
    def null_models(snapshot_date: date, home: HomeResource, config: NullModels) -> dg.MaterializeResult:
        from hub_assets.networks import schemas
        from hub_assets.networks.null_models import null_table

        with home.building(snapshot_date) as connection:
            found = collaborations(connection, snapshot_date, is_studied=True)
            parts = [each.named(null_table(each.graph, config.draws)) for each in found if each.graph is not None]
            rows = _whole(schemas.NULL_MODELS, parts)
            result = store(connection, name, snapshot_date, rows, RESULT_ROWS)
        return with_metadata(result, _of_cores(rows, {"z_of_{measure}_of_{network}": "z"}))

    return null_models


def _build_over_time() -> dg.AssetsDefinition:
    name = "network__collaboration_over_time"

    @python_step(name, {name: GROWTH}, "igraph")
    def over_time(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        from hub_assets.networks import schemas
        from hub_assets.networks.over_time import over_time_table

        parts, week = [], f"snapshot_date = date '{snapshot_date}'"
        with home.building(snapshot_date) as connection:
            known = _models_known(connection, snapshot_date)
            # networks that stopped growing get rows up to the last month in which any network grew
            ((last_month,),) = connection.execute(
                f"select max(month) from int_hub__contributions_by_month where snapshot_date = date '{snapshot_date}'"
            ).fetchall()
            for network in NETWORKS:
                growth = connection.sql(
                    "select month, source_id as source, target_id as target, weight "
                    "from int_hub__collaborations_by_month "
                    f"where snapshot_date = date '{snapshot_date}' and network = '{network}'"
                ).to_arrow_table()
                implicit = connection.sql(f"""
                    select month, contributions.repo_key, developer_id as developer, n_first_commits as n_commits
                    from (from int_hub__contributions_by_month where {week}) as contributions
                    inner join (from int_hub__model_networks where {week} and network = '{network}') as networks
                        on contributions.repo_key = networks.repo_key
                    where contributions.repo_key in (
                        select repo_key from int_hub__implicit_collaborations
                        where {week} and edge_rule = '{RULES[0]}' and not includes_bots
                    )
                """).to_arrow_table()
                if len(growth) + len(implicit):
                    measured = over_time_table(growth, last_month, implicit)
                    parts.append(_named(measured, network, RULES[0], BOTS[0], *known[network]))
            rows = _whole(schemas.COLLABORATION_OVER_TIME, parts)
            result = store(connection, name, snapshot_date, rows, RESULT_ROWS)
        last = [part.sort_by([("month", "descending")]).slice(0, 1) for part in parts]
        followed = {f"{measure}_of_{{network}}": measure for measure in ("nodes", "edges", "max_k")}
        return with_metadata(result, tracked_metrics(_whole(schemas.COLLABORATION_OVER_TIME, last), followed))

    return over_time


def _build_usage() -> dg.AssetsDefinition:
    co_usage, summary = names = ("network__model_co_usage", "network__usage_summary")

    @python_step("network__usage", dict.fromkeys(names, USAGE), "scipy")
    def usage(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        from hub_assets.networks.usage import co_usage_edges, co_usage_table, usage_nodes, usage_summary_table

        exports, week = home.home.exports / str(snapshot_date), f"snapshot_date = date '{snapshot_date}'"
        with home.building(snapshot_date) as connection:
            uses = connection.sql(f"select model_key, space_key from mart__usage_edges where {week}").to_arrow_table()
            models = connection.sql(f"select * from network__model_usage where {week}").to_arrow_table()
            spaces = connection.sql(f"""
                select repo_key, repo_id
                from stg_hub__spaces
                where {week} and repo_key in (select space_key from mart__usage_edges where {week})
            """).to_arrow_table()
            together = co_usage_table(uses, models)
            degrees = usage_summary_table(uses, models, together)
            results = {
                name: store(connection, name, snapshot_date, rows, RESULT_ROWS)
                for name, rows in ((co_usage, together), (summary, degrees))
            }
        files: dict[str, Any] = {}
        every = models.filter(pc.equal(models["network"], "all"))
        nodes = every.select(["repo_key", "repo_id", "n_spaces"])
        for name, of_whom, edges in (
            ("usage", usage_nodes(nodes, spaces), uses),
            ("co_usage", nodes, co_usage_edges(uses)),
        ):
            files |= _export(exports / name, of_whom, edges, label="repo_id", is_directed=False)
        followed = {"mean_{ranking}_of_{network}": "mean", "greatest_{ranking}_of_{network}": "max"}
        yield with_metadata(results[co_usage], files)
        yield with_metadata(results[summary], tracked_metrics(degrees, followed))

    return usage


def _build_cycles() -> dg.AssetsDefinition:
    name = "network__base_model_cycles"

    @python_step(name, {name: ["mart__base_model_edges", "stg_hub__models"]}, "scipy")
    def cycles(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        from hub_assets.networks.base_models import base_model_cycles_table, base_model_network

        with home.building(snapshot_date) as connection:
            edges = connection.sql(f"""
                select
                    edges.repo_key, edges.repo_id, base_repo_key, coalesce(bases.repo_id, base_repo_id) as base_repo_id,
                    relation
                from (from mart__base_model_edges where snapshot_date = date '{snapshot_date}') as edges
                left join (from stg_hub__models where snapshot_date = date '{snapshot_date}') as bases
                    on base_repo_key = bases.repo_key
            """).to_arrow_table()
            rows = base_model_cycles_table(edges)
            result = store(connection, name, snapshot_date, rows, RESULT_ROWS)
        nodes, descents = base_model_network(edges)
        files = _export(home.home.exports / str(snapshot_date) / "base_models", nodes, descents, label="repo_id")
        return with_metadata(result, files | {"cycles": len(pc.unique(rows["cycle"])), "models": len(rows)})

    return cycles


def _build_families() -> dg.AssetsDefinition:
    nodes, members = names = ("network__family_nodes", "network__family_members")

    @python_step("network__families", dict.fromkeys(names, ("mart__base_model_edges", "mart__repo_activity")), "scipy")
    def families(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        from hub_assets.networks.families import family_tables

        week = f"snapshot_date = date '{snapshot_date}'"
        with home.building(snapshot_date) as connection:
            # use the listed id of a base model if the model is listed
            edges = connection.sql(f"""
                select
                    edges.repo_key, edges.repo_id, base_repo_key, coalesce(bases.repo_id, base_repo_id) as base_repo_id,
                    is_self_loop
                from (from mart__base_model_edges where {week}) as edges
                left join (from mart__repo_activity where {week} and repo_type = 'model') as bases
                    on base_repo_key = bases.repo_key
            """).to_arrow_table()
            downloads = connection.sql(
                f"select repo_key, n_downloads from mart__repo_activity where {week} and repo_type = 'model'"
            ).to_arrow_table()
            tables = dict(zip(names, family_tables(edges, downloads), strict=True))
            results = {name: store(connection, name, snapshot_date, rows) for name, rows in tables.items()}
        n_roots = pc.sum(tables[nodes]["is_root"]).as_py() or 0
        yield with_metadata(results[nodes], {"roots": n_roots, "models": len(tables[nodes])})
        yield with_metadata(results[members], {"deepest": pc.max(tables[members]["depth"]).as_py() or 0})

    return families


def _numbered(contributions: pa.Table) -> pa.Table:
    """Replace model keys with numbers, because a model's history would reveal the developers behind the pseudonyms."""
    numbers = pc.rank(contributions["repo_key"], tiebreaker="dense").cast(pa.int64())
    return pa.table(
        [numbers, contributions["developer"], contributions["n_commits"]], ["model", "developer", "n_commits"]
    )


def _whole(schema: pa.Schema, parts: list[pa.Table]) -> pa.Table:
    """Concatenate parts into a table that has all columns of a schema except the week."""
    nothing = pa.schema(list(schema)[1:]).empty_table()
    return pa.concat_tables([nothing, *(part.cast(nothing.schema) for part in parts)])


def _of_cores(rows: pa.Table, columns: Mapping[str, str]) -> dict[str, float]:
    """Return each core's measures for plotting. The maximal core is named `kmax`, because its k varies by week."""
    return tracked_metrics(
        rows.filter(pc.invert(rows["is_max_k"])), {f"{name}_k{{k}}": column for name, column in columns.items()}
    ) | tracked_metrics(rows.filter(rows["is_max_k"]), {f"{name}_kmax": column for name, column in columns.items()})


def _studied(rows: pa.Table) -> pa.Table:
    return rows.filter((pc.field("edge_rule") == RULES[0]) & (~pc.field("includes_bots")))


def _pseudonymiser(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> Callable[..., pa.Table]:
    """Return a function that replaces developer ids in the given columns of a table with pseudonyms."""
    known = connection.sql(
        f"select developer_id, pseudonym from core__pseudonyms where snapshot_date = date '{snapshot_date}'"
    ).to_arrow_table()
    ids, called = known["developer_id"].combine_chunks(), known["pseudonym"].combine_chunks()

    def named(rows: pa.Table, *columns: str) -> pa.Table:
        for name in columns:
            pseudonyms = called.take(pc.index_in(rows[name].combine_chunks(), ids))
            rows = rows.set_column(rows.column_names.index(name), name, pseudonyms)
        return rows.sort_by([(name, "ascending") for name in columns])

    return named


def _export(
    stem: Path,
    nodes: pa.Table,
    edges: pa.Table | pa.RecordBatchReader,
    *,
    label: str | None = None,
    is_directed: bool = True,
    implicit: pa.Table | None = None,
) -> dict[str, Any]:
    """Export a network for other programs and return the paths of its files."""
    from hub_assets.networks.exports import export

    most = MOST_IN_GRAPHML
    files = export(stem, nodes, edges, label=label, is_directed=is_directed, most_in_graphml=most, implicit=implicit)
    return {file.name.replace(".", "_"): dg.MetadataValue.path(str(file)) for file in files}
