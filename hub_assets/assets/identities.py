"""Identity resolution as assets: candidate pairs of author strings, decisions, developers and pseudonyms."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.assets.tables import python_step, store, with_metadata
from hub_assets.home import HomeError
from hub_assets.identities.bots import find_bots, propose_bots
from hub_assets.identities.decisions import DecisionsError, decisions_hash, read_decisions
from hub_assets.identities.pseudonyms import SecretError, fingerprint, pseudonyms, secret_key
from hub_assets.metadata import count_table, table
from hub_assets.resources import HomeResource

if TYPE_CHECKING:  # importing scipy and rapidfuzz takes a third of a second
    from hub_assets.identities.facts import Facts

NAMES = ("bots", "generic_names", "int_hub__author_strings", "int_hub__participations", "int_hub__trailers")


def build_identities() -> list[dg.AssetsDefinition]:
    """Build the assets for candidate pairs (before accounts are looked up), resolved developers, and pseudonyms."""
    return [_build_candidate_pairs(), _build_developers(), _build_pseudonyms()]


def _build_candidate_pairs() -> dg.AssetsDefinition:
    # one step, because both tables need the same facts, which take a second to prepare
    @python_step(
        "core__candidate_pairs",
        {
            "core__candidate_pairs": NAMES,
            "core__account_questions": ["core__candidate_pairs", "int_hub__leading_models", "organizations"],
        },
        "python",
    )
    def candidate_pairs(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        from hub_assets.identities.candidates import accounts_to_ask_first, find_candidates

        with home.building(snapshot_date) as connection:
            with _facts(connection, snapshot_date) as facts:
                pairs = find_candidates(facts)
                authors = accounts_to_ask_first(facts, pairs)
            namespaces = connection.sql(
                "select namespace from int_hub__leading_models where namespace is not null "
                "and lower(namespace) not in (select lower(namespace) from organizations) "
                f"and snapshot_date = date '{snapshot_date}' group by namespace order by min(rank), namespace"
            ).to_arrow_table()["namespace"]
            names = pc.unique(pa.chunked_array([authors, *namespaces.chunks]))
            questions = pa.table({"position": range(len(names)), "author": names})
            of_pairs = store(connection, "core__candidate_pairs", snapshot_date, pairs)
            of_questions = store(connection, "core__account_questions", snapshot_date, questions)
        counts = count_table(_counts(pc.list_flatten(pairs["generators"])))
        yield with_metadata(of_pairs, {"pairs_by_generator": counts})
        yield of_questions

    return candidate_pairs


def _build_developers() -> dg.AssetsDefinition:
    # one step, so that both tables use the same decisions
    @python_step(
        "core__identities",
        {
            "core__developer_pairs": ["core__candidate_pairs", "stg_hub__accounts", *NAMES],
            "core__developers": ["core__developer_pairs"],
        },
        "python",
        [
            dg.AssetCheckSpec(
                "no_conflicts",
                asset="core__developer_pairs",
                description="Every accepted pair is merged: none is blocked by a cannot-link constraint.",
            )
        ],
    )
    def identities(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        from hub_assets.identities.candidates import find_candidates
        from hub_assets.identities.evidence import weigh
        from hub_assets.identities.merging import developers_of, resolve
        from hub_assets.identities.rules import decide

        try:
            decisions = read_decisions(home.home.decisions)
        except DecisionsError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        used = decisions_hash(decisions)
        with home.building(snapshot_date) as connection:
            authors = _week(connection, "int_hub__author_strings", snapshot_date)
            earlier = _week(connection, "core__candidate_pairs", snapshot_date)
            with _facts(connection, snapshot_date, _accounts(connection, snapshot_date)) as facts:
                pairs = find_candidates(facts, earlier, decisions)
                pairs = resolve(facts, decide(facts, weigh(facts, pairs), decisions))
                names, seed = authors["author"].combine_chunks(), _bots_seed(connection)
                bots, proposed = find_bots(names, seed), propose_bots(names, seed)
                developers = developers_of(facts, authors, pairs, bots, proposed)
            developers = developers.append_column("decisions_hash", pa.repeat(used, len(developers)))
            of_pairs = store(connection, "core__developer_pairs", snapshot_date, pairs)
            of_developers = store(connection, "core__developers", snapshot_date, developers)
        counts = _count_pairs(pairs, len(decisions)) | {"decisions_hash": used}
        no_conflicts = dg.AssetCheckResult(
            asset_key="core__developer_pairs",
            check_name="no_conflicts",
            passed=counts["conflicts"] == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"conflicts": counts["conflicts"]},
        )
        yield with_metadata(of_pairs, counts, no_conflicts)
        yield with_metadata(of_developers, _count_developers(developers) | {"decisions_hash": used})

    return identities


def _build_pseudonyms() -> dg.AssetsDefinition:
    @python_step("core__pseudonyms", {"core__pseudonyms": ["int_hub__collaboration_developers"]}, "python")
    def made_pseudonyms(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        try:
            key = secret_key(home.home.secret)
            home.home.pin(fingerprint(key))
        except (SecretError, HomeError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        with home.building(snapshot_date) as connection:
            rows = connection.sql(
                "select distinct developer_id from int_hub__collaboration_developers "
                f"where snapshot_date = date '{snapshot_date}' order by developer_id"
            ).to_arrow_table()
            rows = rows.append_column("pseudonym", pseudonyms(key, rows["developer_id"]))
            return store(connection, "core__pseudonyms", snapshot_date, rows)

    return made_pseudonyms


def _count_pairs(pairs: pa.Table, n_decisions: int) -> dict[str, Any]:
    """Count the pairs by decision, by the blocking rule that proposed them, and by the rule that decided them.

    For each blocking rule, also count the accepted pairs, because the study reports both counts for its three rules.
    """
    from hub_assets.identities.rules import RULES

    by_person = pc.fill_null(pc.equal(pairs["decided_by"], "person"), False)
    is_made = pc.and_(pc.equal(pairs["decision"], "accepted"), pc.invert(pairs["is_conflict"]))
    n_made = _counts(pc.list_flatten(pairs["generators"].filter(is_made)))
    return {
        "decisions": count_table(_counts(pairs["decision"])),
        "generators": table(
            [
                {"generator": name, "pairs": n, "accepted": n_made.get(name, 0)}
                for name, n in _counts(pc.list_flatten(pairs["generators"])).items()
            ]
        ),
        "rules": table(
            [
                {"rule": rule, "pairs": n, "decides": RULES[rule][0], "says": RULES[rule][2]}
                for rule, n in _counts(pairs["rule"].filter(pc.invert(by_person)).drop_null()).items()
            ]
        ),
        "decisions_of_people": n_decisions,
        "decisions_on_names_not_known": n_decisions - (pc.sum(by_person).as_py() or 0),
        "decisions_on_other_evidence": pc.sum(pairs["is_reopened"]).as_py() or 0,
        "conflicts": pc.sum(pairs["is_conflict"]).as_py() or 0,
    }


def _count_developers(developers: pa.Table) -> dict[str, Any]:
    """Count the names and developers before and after merging."""
    names = developers.filter(pc.invert(pc.or_(developers["is_bot"], developers["is_generic"])))
    n_developers = len(pc.unique(names["developer_id"]))
    return {
        "author_strings": len(developers),
        "bots": pc.sum(developers["is_bot"]).as_py() or 0,
        "bots_to_review": len(developers) - developers["bot_hint"].null_count,
        "generic_names": pc.sum(developers["is_generic"]).as_py() or 0,
        "names": len(names),
        "developers": n_developers,
        "names_merged": len(names) - n_developers,
        "match_method": count_table(_counts(developers["match_method"])),
    }


def _facts(connection: duckdb.DuckDBPyConnection, snapshot_date: date, accounts: pa.Table | None = None) -> "Facts":
    from hub_assets.identities.facts import NO_ACCOUNTS, Facts

    authors = _week(connection, "int_hub__author_strings", snapshot_date)
    return Facts(
        authors,
        _week(connection, "int_hub__participations", snapshot_date),
        _week(connection, "int_hub__trailers", snapshot_date),
        find_bots(authors["author"].combine_chunks(), _bots_seed(connection))["author"].combine_chunks(),
        connection.sql("select name from generic_names").to_arrow_table()["name"].combine_chunks(),
        NO_ACCOUNTS if accounts is None else accounts,
    )


def _bots_seed(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return connection.sql("select name, kind, reason from bots").to_arrow_table()


def _accounts(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> pa.Table:
    return connection.sql(
        "select snapshot_date, author, outcome, account_key, account_type, name, fullname, organizations "
        f"from stg_hub__accounts where snapshot_date <= date '{snapshot_date}'"
    ).to_arrow_table()


def _week(connection: duckdb.DuckDBPyConnection, table: str, snapshot_date: date) -> pa.Table:
    return connection.sql(f"select * from {table} where snapshot_date = date '{snapshot_date}'").to_arrow_table()


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    counted = sorted((row["values"], row["counts"]) for row in pc.value_counts(values).to_pylist())
    return {str(value): n for value, n in counted}
