"""Who is who: pairs of author strings that could be one person, what was decided of them, and the developers."""

from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.assets.metadata import column_schema, count_table, preview, table
from hub_assets.identities.bots import find_bots
from hub_assets.identities.candidates import accounts_to_ask_first, find_candidates
from hub_assets.identities.decisions import DecisionsError, decisions_hash, read_decisions
from hub_assets.identities.evidence import weigh
from hub_assets.identities.facts import NO_ACCOUNTS, Facts
from hub_assets.identities.merging import developers_of, resolve
from hub_assets.identities.rules import DESCRIPTIONS, decide
from hub_assets.partitions import SNAPSHOTS, snapshot_date_of
from hub_assets.resources import HomeResource, project
from hub_assets.warehouse.database import replace_week

_NAMES = ("bots", "generic_names", "int_hub__author_strings", "int_hub__participations", "int_hub__trailers")

Rows = tuple[pa.Table, dict[str, Any]]


def build_identities() -> list[dg.AssetsDefinition]:
    """Make the three assets, in the order in which they are built."""
    return [
        _build("core__candidate_pairs", _NAMES, _candidate_pairs),
        _build("core__developer_pairs", ("core__candidate_pairs", "stg_hub__accounts", *_NAMES), _developer_pairs),
        _build("core__developers", ("core__developer_pairs", "stg_hub__accounts", *_NAMES), _developers),
    ]


def authors_to_ask_first(home: HomeResource, snapshot_date: date) -> pa.Array:
    """Return the author strings whose accounts tell most of who is who; the database is closed again by then."""
    with home.building() as connection, _facts(connection, snapshot_date) as facts:
        return accounts_to_ask_first(facts, _week(connection, "core__candidate_pairs", snapshot_date))


def _build(
    name: str, deps: tuple[str, ...], rows_of: Callable[[duckdb.DuckDBPyConnection, HomeResource, date], Rows]
) -> dg.AssetsDefinition:
    source = project().tables[name]
    no_conflicts = dg.AssetCheckSpec(
        "no_conflicts",
        asset=name,
        description="Every accepted pair is made: none would join two accounts, or what a person rejected.",
    )
    checks = [no_conflicts] if name == "core__developer_pairs" else []

    @dg.asset(
        name=name,
        deps=list(deps),
        partitions_def=SNAPSHOTS,
        group_name="identities",
        kinds={"duckdb", "python"},
        description=source.description,
        metadata={"dagster/table_name": name, "dagster/column_schema": column_schema(source)},
        check_specs=checks,
    )
    def identities(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        snapshot_date = snapshot_date_of(context)
        with home.building() as connection:
            try:
                rows, counts = rows_of(connection, home, snapshot_date)
            except DecisionsError as error:
                raise dg.Failure(str(error), allow_retries=False) from None
            connection.register("made", rows)
            columns = ", ".join(column.name for column in source.columns if column.name != "snapshot_date")
            select = f"select date '{snapshot_date}' as snapshot_date, {columns} from made"
            n = replace_week(connection, name, snapshot_date, select)
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": n,
                "dagster/column_schema": column_schema(source),
                "preview": preview(rows.slice(0, 5).to_pylist()),
                **counts,
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=spec.name,
                    passed=counts["conflicts"] == 0,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"conflicts": counts["conflicts"]},
                )
                for spec in checks
            ],
        )

    return identities


def _candidate_pairs(connection: duckdb.DuckDBPyConnection, home: HomeResource, snapshot_date: date) -> Rows:  # noqa: ARG001
    with _facts(connection, snapshot_date) as facts:
        pairs = find_candidates(facts)
    return pairs, {"pairs_by_generator": count_table(_counts(pc.list_flatten(pairs["generators"])))}


def _developer_pairs(connection: duckdb.DuckDBPyConnection, home: HomeResource, snapshot_date: date) -> Rows:
    decisions = read_decisions(home.home.decisions)
    with _facts(connection, snapshot_date, _accounts(connection, snapshot_date)) as facts:
        pairs = find_candidates(facts, decisions)
        decided = resolve(facts, decide(facts, weigh(facts, pairs), decisions))
    by_person = pc.fill_null(pc.equal(decided["decided_by"], "person"), False)
    rules = [
        {"rule": rule, "pairs": n, "says": DESCRIPTIONS[rule]}
        for rule, n in _counts(decided["rule"].filter(pc.invert(by_person)).drop_null()).items()
    ]
    return decided, {
        "decisions": count_table(_counts(decided["decision"])),
        "generators": table(_by_generator(decided)),
        "rules": table(rules),
        "decisions_of_people": len(decisions),
        "decisions_on_names_not_known": len(decisions) - (pc.sum(by_person).as_py() or 0),
        "decisions_on_other_evidence": pc.sum(decided["is_reopened"]).as_py() or 0,
        "conflicts": pc.sum(decided["is_conflict"]).as_py() or 0,
        "decisions_hash": decisions_hash(decisions),
    }


def _developers(connection: duckdb.DuckDBPyConnection, home: HomeResource, snapshot_date: date) -> Rows:
    used = decisions_hash(read_decisions(home.home.decisions))
    authors = _week(connection, "int_hub__author_strings", snapshot_date)
    bots = _bots(connection, authors)
    with _facts(connection, snapshot_date, _accounts(connection, snapshot_date)) as facts:
        developers = developers_of(facts, authors, _week(connection, "core__developer_pairs", snapshot_date), bots)
    is_name = pc.invert(pc.or_(developers["is_bot"], developers["is_generic"]))
    names = developers.filter(is_name)
    n_developers = len(pc.unique(names["developer_id"]))
    return developers.append_column("decisions_hash", pa.repeat(used, len(developers))), {
        "author_strings": len(developers),
        "bots": pc.sum(developers["is_bot"]).as_py() or 0,
        "generic_names": pc.sum(developers["is_generic"]).as_py() or 0,
        "names": len(names),
        "developers": n_developers,
        "names_merged": len(names) - n_developers,
        "how": count_table(_counts(developers["how"])),
        "decisions_hash": used,
    }


def _facts(connection: duckdb.DuckDBPyConnection, snapshot_date: date, accounts: pa.Table = NO_ACCOUNTS) -> Facts:
    authors = _week(connection, "int_hub__author_strings", snapshot_date)
    return Facts(
        authors,
        _week(connection, "int_hub__participations", snapshot_date),
        _week(connection, "int_hub__trailers", snapshot_date),
        _bots(connection, authors)["author"].combine_chunks(),
        connection.sql("select name from generic_names").to_arrow_table()["name"].combine_chunks(),
        accounts,
    )


def _bots(connection: duckdb.DuckDBPyConnection, authors: pa.Table) -> pa.Table:
    seed = connection.sql("select name, kind, why from bots").to_arrow_table()
    return find_bots(authors["author"].combine_chunks(), seed)


def _accounts(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> pa.Table:
    return connection.sql(
        "select snapshot_date, author, outcome, account_key, account_type, fullname, organizations "
        f"from stg_hub__accounts where snapshot_date <= date '{snapshot_date}'"
    ).to_arrow_table()


def _week(connection: duckdb.DuckDBPyConnection, table: str, snapshot_date: date) -> pa.Table:
    return connection.sql(f"select * from {table} where snapshot_date = date '{snapshot_date}'").to_arrow_table()


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    counted = sorted((row["values"], row["counts"]) for row in pc.value_counts(values).to_pylist())
    return {str(value): n for value, n in counted}


def _by_generator(decided: pa.Table) -> list[dict[str, Any]]:
    """Return what the study reports of its prongs: pairs found, and accepted."""
    accepted = pc.and_(pc.equal(decided["decision"], "accepted"), pc.invert(decided["is_conflict"]))
    n_accepted = _counts(pc.list_flatten(decided["generators"].filter(accepted)))
    return [
        {"generator": name, "pairs": n, "accepted": n_accepted.get(name, 0)}
        for name, n in _counts(pc.list_flatten(decided["generators"])).items()
    ]
