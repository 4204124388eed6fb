"""The asset graph: dependencies, groups, checks and schedule."""

from collections import Counter
from datetime import UTC, date, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml

from hub_assets.assets.listings import require_present_week
from hub_assets.definitions import build_defs, defs
from hub_assets.partitions import SNAPSHOTS, week_of
from hub_assets.resources import project
from hub_assets.schedules import COLLECTS_TAG

GRAPH = """
benchmarks (reference) <-
bots (reference) <-
check_thresholds (rules) <-
contribution_rules (rules) <-
core__account_questions (identity_candidates) <- core__candidate_pairs int_hub__leading_models organizations
core__candidate_pairs (identity_candidates) <- bots generic_names int_hub__author_strings int_hub__participations \
int_hub__trailers
core__developer_pairs (identities) <- bots core__candidate_pairs generic_names int_hub__author_strings \
int_hub__participations int_hub__trailers stg_hub__accounts
core__developers (identities) <- core__developer_pairs
core__flow_corrections (trust) <- core__week_quality int_hub__listing_changes int_hub__listing_totals trust_rules
core__pseudonyms (collaboration) <- int_hub__collaboration_developers
core__repo_anomalies (trust) <- core__week_quality int_hub__listing_changes trust_rules
core__week_quality (trust) <- counting_changes int_hub__listing_totals trust_rules
counting_changes (rules) <-
enrich_hub__accounts (enrichment) <- core__account_questions raw_hub__commits raw_hub__discussions
enrich_hub__aliases (usage) <- int_hub__base_models raw_hub__models raw_hub__spaces
enrich_hub__cards (search) <- raw_hub__datasets raw_hub__models raw_hub__spaces
figure__attribution (change) <- mart__attribution
figure__centrality (report) <- network__developer_centrality
figure__concentration_over_time (change) <- stats__concentration_over_time
figure__core (report) <- mart__collaboration_edges network__developer_centrality network__summary
figure__correlations (report) <- stats__correlations
figure__correlations_by_license (report) <- stats__correlations
figure__distributions (report) <- mart__repo_activity stats__tail_fits
figure__families_over_time (change) <- mart__relation_shares network__family_pagerank
figure__lorenz_curves (report) <- stats__lorenz
figure__relative_adoption (change) <- stats__relative_adoption
figure__survival (change) <- stats__survival
figure__usage (report) <- network__model_co_usage network__model_usage
generic_names (reference) <-
int_hub__author_strings (identity_candidates) <- int_hub__contributions int_hub__discussion_starters \
int_hub__participations
int_hub__base_models (usage) <- stg_hub__models
int_hub__collaboration_commits (collaboration) <- contribution_rules core__developers int_hub__commit_authors \
int_hub__participations stg_hub__accounts
int_hub__collaboration_developers (collaboration) <- int_hub__collaborations int_hub__model_networks
int_hub__collaboration_edges (collaboration) <- int_hub__collaboration_commits int_hub__collaborations \
int_hub__implicit_collaborations int_hub__model_networks
int_hub__collaborations (collaboration) <- int_hub__collaboration_commits
int_hub__collaborations_by_month (collaboration) <- int_hub__contributions_by_month int_hub__implicit_collaborations \
int_hub__model_networks
int_hub__commit_authors (repositories) <- int_hub__commit_fetches stg_hub__commits
int_hub__commit_days (organizations) <- int_hub__commit_fetches stg_hub__commits
int_hub__commit_fetches (repositories) <- int_hub__commit_histories stg_hub__commits
int_hub__commit_histories (repositories) <- int_hub__repositories stg_hub__commits
int_hub__contributions (repositories) <- int_hub__commit_authors
int_hub__contributions_by_month (collaboration) <- int_hub__collaboration_commits
int_hub__developer_contributions (activity) <- core__developers int_hub__commit_authors
int_hub__developer_discussions (activity) <- core__developers int_hub__discussion_starters
int_hub__discussion_histories (repositories) <- int_hub__repositories stg_hub__discussions
int_hub__discussion_starters (repositories) <- int_hub__discussion_histories stg_hub__discussions
int_hub__implicit_collaborations (collaboration) <- int_hub__collaborations
int_hub__leading_models (usage) <- model_developers network__model_co_usage network__model_usage
int_hub__listing_changes (trust) <- stg_hub__datasets stg_hub__models stg_hub__spaces
int_hub__listing_totals (trust) <- int_hub__listing_changes trust_rules
int_hub__model_ids (usage) <- int_hub__base_models stg_hub__aliases stg_hub__models stg_hub__spaces
int_hub__model_networks (usage) <- stg_hub__models subfields
int_hub__model_relations (families) <- mart__base_model_edges mart__models
int_hub__namespaces (organizations) <- int_hub__organizations int_hub__repositories stg_hub__accounts
int_hub__organizations (organizations) <- organizations
int_hub__participations (identity_candidates) <- stg_hub__commits stg_hub__discussions
int_hub__repositories (repositories) <- license_aliases stg_hub__datasets stg_hub__models stg_hub__spaces
int_hub__repository_flows (change) <- core__flow_corrections int_hub__listing_changes
int_hub__search_documents (search) <- int_hub__repositories mart__repo_activity stg_hub__cards stg_hub__models
int_hub__space_models (usage) <- int_hub__model_ids stg_hub__spaces
int_hub__themes (explorers) <- int_hub__repositories stg_hub__models themes
int_hub__trailers (identity_candidates) <- stg_hub__commits
license_aliases (reference) <-
license_drift_rules (rules) <-
license_groups (reference) <-
mart__activity_quality (quality) <- check_thresholds core__developer_pairs core__developers int_hub__model_networks \
license_groups mart__repo_activity
mart__activity_summary (activity) <- mart__repo_activity
mart__attribution (change) <- core__week_quality int_hub__organizations int_hub__repository_flows mart__models \
network__family_nodes
mart__base_model_edges (usage) <- int_hub__base_models int_hub__model_ids
mart__cohorts (change) <- core__week_quality int_hub__listing_changes int_hub__repositories
mart__collaboration_edges (collaboration) <- core__pseudonyms int_hub__collaboration_edges
mart__community_roles (activity) <- int_hub__developer_contributions int_hub__developer_discussions \
mart__repo_activity
mart__datasets (explorers) <- benchmarks int_hub__namespaces int_hub__themes mart__repo_activity stg_hub__datasets
mart__families (families) <- int_hub__organizations mart__base_model_edges mart__models network__family_members \
network__family_nodes
mart__history_coverage (repositories) <- int_hub__commit_histories int_hub__discussion_histories
mart__identity_pairs (identities) <- core__developer_pairs
mart__identity_summary (identities) <- core__developers
mart__license_drift (families) <- license_drift_rules mart__base_model_edges mart__models
mart__license_drift_by_depth (families) <- license_drift_rules mart__models network__family_members \
network__family_nodes
mart__listing_quality (quality) <- check_thresholds int_hub__repositories mart__history_coverage stg_hub__commits
mart__models (explorers) <- int_hub__namespaces int_hub__organizations int_hub__themes mart__base_model_edges \
mart__repo_activity model_developers size_classes stg_hub__models
mart__organization_coverage (organizations) <- int_hub__namespaces int_hub__repositories
mart__organization_days (organizations) <- int_hub__commit_days int_hub__namespaces int_hub__repositories
mart__organizations (organizations) <- int_hub__commit_histories int_hub__namespaces int_hub__repositories
mart__published_comparison (report) <- mart__activity_summary mart__repo_activity mart__top_repositories \
network__collaboration_cores network__model_usage network__summary network__top_organizations network__usage_summary \
organizations published_values stats__concentration stats__correlations stats__license_shares stats__license_tests
mart__relation_shares (change) <- core__week_quality int_hub__model_relations int_hub__repository_flows mart__models
mart__repo_activity (activity) <- int_hub__commit_histories int_hub__developer_contributions \
int_hub__developer_discussions int_hub__discussion_histories int_hub__repositories int_hub__space_models \
license_groups stg_hub__spaces
mart__repository_changes (repositories) <- int_hub__repositories
mart__result_quality (quality) <- check_thresholds network__collaboration_cores network__developer_centrality \
network__summary stats__concentration stats__correlations stats__license_shares stats__license_tests stats__lorenz
mart__spaces (explorers) <- int_hub__namespaces mart__repo_activity stg_hub__spaces
mart__top_repositories (activity) <- mart__repo_activity
mart__usage_edges (usage) <- int_hub__space_models
mart__usage_resolution (usage) <- int_hub__space_models
mart__week_coverage (repositories) <- stg_archive__uploads stg_hub__datasets stg_hub__models stg_hub__spaces
mart__weekly_changes (activity) <- mart__repo_activity mart__repository_changes
mart__weekly_flows (trust) <- core__flow_corrections core__week_quality int_hub__listing_changes \
int_hub__listing_totals
model_developers (reference) <-
network__base_model_cycles (usage) <- mart__base_model_edges stg_hub__models
network__collaboration_cores (collaboration) <- core__pseudonyms int_hub__collaboration_developers \
int_hub__collaboration_edges int_hub__collaborations int_hub__implicit_collaborations int_hub__model_networks \
mart__repo_activity
network__collaboration_over_time (collaboration) <- int_hub__collaborations_by_month int_hub__contributions_by_month \
int_hub__implicit_collaborations int_hub__model_networks mart__repo_activity
network__developer_centrality (collaboration) <- core__pseudonyms int_hub__collaboration_developers \
int_hub__collaboration_edges int_hub__collaborations int_hub__implicit_collaborations int_hub__model_networks \
mart__repo_activity
network__family_members (families) <- mart__base_model_edges mart__repo_activity
network__family_nodes (families) <- mart__base_model_edges mart__repo_activity
network__family_pagerank (families) <- mart__base_model_edges mart__models network__family_nodes
network__model_co_usage (usage) <- mart__usage_edges network__model_usage stg_hub__spaces
network__model_usage (usage) <- int_hub__model_networks mart__usage_edges stg_hub__models
network__null_models (collaboration) <- int_hub__collaboration_developers int_hub__collaboration_edges \
int_hub__collaborations int_hub__implicit_collaborations int_hub__model_networks mart__repo_activity
network__summary (collaboration) <- core__pseudonyms int_hub__collaboration_developers int_hub__collaboration_edges \
int_hub__collaborations int_hub__implicit_collaborations int_hub__model_networks mart__repo_activity
network__top_organizations (statistics) <- int_hub__leading_models int_hub__organizations stg_hub__accounts
network__usage_summary (usage) <- mart__usage_edges network__model_usage stg_hub__spaces
organizations (reference) <-
published_values (reference) <-
raw_archive__datasets (archives) <-
raw_archive__models (archives) <-
raw_archive__spaces (archives) <-
raw_archive__uploads (archives) <-
raw_hub__commits (histories) <- raw_hub__datasets raw_hub__models raw_hub__spaces
raw_hub__datasets (listings) <-
raw_hub__discussions (histories) <- raw_hub__datasets raw_hub__models raw_hub__spaces
raw_hub__models (listings) <-
raw_hub__spaces (listings) <-
release__dataset (report) <- warehouse__published
report__site (report) <- figure__attribution figure__centrality figure__concentration_over_time figure__core \
figure__correlations figure__correlations_by_license figure__distributions figure__families_over_time \
figure__lorenz_curves figure__relative_adoption figure__survival figure__usage warehouse__published
report__space (report) <- report__site
search__index (search) <- int_hub__search_documents
size_classes (reference) <-
stats__claims (report) <- core__week_quality mart__base_model_edges mart__datasets mart__families mart__license_drift \
mart__models mart__organization_days mart__organizations mart__published_comparison mart__repo_activity
stats__concentration (statistics) <- mart__repo_activity
stats__concentration_over_time (change) <- core__week_quality int_hub__model_relations int_hub__namespaces \
int_hub__repository_flows mart__models mart__repo_activity
stats__correlations (statistics) <- mart__repo_activity
stats__license_shares (statistics) <- license_groups mart__repo_activity
stats__license_tests (statistics) <- mart__repo_activity
stats__lorenz (statistics) <- mart__repo_activity
stats__predictions_of_use (change) <- core__week_quality mart__base_model_edges mart__models network__family_nodes
stats__relative_adoption (change) <- core__week_quality int_hub__listing_changes mart__models
stats__release_curves (change) <- core__flow_corrections core__week_quality int_hub__listing_changes mart__models
stats__survival (change) <- core__week_quality int_hub__listing_changes int_hub__listing_totals \
int_hub__model_relations int_hub__repositories mart__repository_changes
stats__tail_fits (statistics) <- mart__repo_activity
stats__trends (change) <- mart__attribution mart__relation_shares stats__concentration_over_time
stg_archive__uploads (archives) <- raw_archive__uploads
stg_hub__accounts (enrichment) <- enrich_hub__accounts
stg_hub__aliases (usage) <- enrich_hub__aliases
stg_hub__cards (search) <- enrich_hub__cards
stg_hub__commits (repositories) <- raw_hub__commits
stg_hub__datasets (repositories) <- raw_archive__datasets raw_hub__datasets
stg_hub__discussions (repositories) <- raw_hub__discussions
stg_hub__models (repositories) <- raw_archive__models raw_hub__models
stg_hub__spaces (repositories) <- raw_archive__spaces raw_hub__spaces
subfields (reference) <-
themes (reference) <-
trust_rules (rules) <-
warehouse__published (report) <- int_hub__search_documents mart__identity_pairs mart__organization_coverage \
mart__result_quality mart__spaces mart__week_coverage mart__weekly_changes mart__weekly_flows \
network__base_model_cycles network__collaboration_over_time network__family_pagerank stats__claims stats__tail_fits \
stats__trends
"""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs()


def test_the_graph(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    lines = [
        f"{key.to_user_string()} ({graph.get(key).group_name}) <- "
        + " ".join(sorted(parent.to_user_string() for parent in graph.get(key).parent_keys))
        for key in sorted(graph.get_all_asset_keys())
    ]
    assert "\n".join(line.strip() for line in lines) == GRAPH.strip()


def test_groups_form_no_cycle(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    group_of = {key: graph.get(key).group_name for key in graph.get_all_asset_keys()}
    parents: dict[str | None, set[str | None]] = {}
    for key, group in group_of.items():
        parents.setdefault(group, set()).update({group_of[parent] for parent in graph.get(key).parent_keys} - {group})
    order = list(TopologicalSorter(parents).static_order())  # raises CycleError if groups form a cycle
    assert order[-1] == "report"
    assert max(Counter(group_of.values()).values()) <= 15


def test_publishing_depends_on_a_table_of_each_group_and_is_the_last_step_to_start(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = graph.get(dg.AssetKey("warehouse__published")).parent_keys
    groups = [graph.get(key).group_name for key in parents]
    assert len(groups) == len(set(groups)) <= 15
    job = definitions.resolve_job_def("weekly_snapshot")
    priorities = {node.name: int(node.definition.tags.get("dagster/priority", "0")) for node in job.nodes}
    last = priorities.pop("warehouse__published")
    assert last < min(priorities.values())


def test_dagster_can_load_the_definitions() -> None:
    dg.Definitions.validate_loadable(defs())


def test_all_assets_but_seeds_are_partitioned_and_all_have_descriptions(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    seeds = {seed.name for seed in project().seeds}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert (node.partitions_def is not None) == (key.to_user_string() not in seeds)
        assert node.description


def test_all_checks_block_except_those_that_warn(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    names = {f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys}
    assert {
        "raw_hub__models: rows_listed_are_rows_written",
        "raw_hub__models: no_collapse",
        "int_hub__commit_histories: accepted_values__outcome",
        "int_hub__contributions: unique__snapshot_date__repo_type__repo_key__author",
        "mart__repo_activity: unique__snapshot_date__repo_type__repo_key",
        "int_hub__space_models: relationships__model_key",
        "license_groups: accepted_values__license_group",
        "core__developers: unique__snapshot_date__author",
        "core__developer_pairs: accepted_values__decision",
        "int_hub__developer_contributions: not_null",
    } <= names
    # an incomplete week is published with a warning
    assert {
        f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys if not graph.get(key).blocking
    } == {
        *(f"raw_hub__{name}: is_complete" for name in ("commits", "discussions")),
        *(f"enrich_hub__{name}: is_complete" for name in ("aliases", "accounts", "cards")),
        "core__developer_pairs: no_conflicts",
        "core__week_quality: counters_can_be_believed",
        "stats__license_shares: accepted_values__is_mapped",
        *(f"mart__{stage}_quality: accepted_values__is_within" for stage in ("listing", "activity", "result")),
        *(each for each in names if each.endswith(": weeks_are_built_by_this_code")),
    }


def test_weekly_job_lists_the_hub_and_archived_week_only_the_archive(definitions: dg.Definitions) -> None:
    weekly, archived = (
        {key.to_user_string() for key in definitions.resolve_job_def(name).asset_layer.executable_asset_keys}
        for name in ("weekly_snapshot", "archived_week")
    )
    assert not {name for name in weekly if name.startswith("raw_archive__")}
    assert {name for name in archived if name.startswith(("raw_", "enrich_"))} == {
        f"raw_archive__{name}" for name in ("models", "datasets", "spaces", "uploads")
    }
    assert archived - {name for name in archived if name.startswith("raw_archive__")} <= weekly
    assert {"mart__repo_activity", "mart__week_coverage"} <= archived


def test_every_asset_has_an_owner_and_tags_for_its_layer_and_cost(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    tags = {key.to_user_string(): graph.get(key).tags for key in graph.get_all_asset_keys()}
    assert all(graph.get(key).owners == ["team:observatory"] for key in graph.get_all_asset_keys())
    shown = {name: (each["layer"], each["cost"], each["personal_data"]) for name, each in tags.items()}
    assert shown["raw_hub__models"] == shown["raw_archive__models"] == ("raw", "hub-calls", "no")
    assert shown["enrich_hub__accounts"] == ("raw", "hub-calls", "yes")
    assert shown["stg_hub__commits"] == ("staging", "sql", "yes")
    assert shown["int_hub__repositories"] == ("intermediate", "sql", "no")
    assert shown["core__developers"] == ("identities", "compute", "yes")
    assert shown["stats__tail_fits"] == ("marts", "compute", "no")
    assert shown["figure__core"] == ("figures", "compute", "no")
    assert shown["warehouse__published"] == ("published", "compute", "no")
    assert shown["license_groups"] == ("seeds", "sql", "no")


def test_checks_without_a_table_are_one_step_each(definitions: dg.Definitions) -> None:
    """Dagster numbers the steps of a split check differently in each process, but a retry looks steps up by name."""
    steps = {node.name for node in definitions.resolve_job_def("weekly_snapshot").graph.nodes}
    for checks in definitions.asset_checks or []:
        assert isinstance(checks, dg.AssetChecksDefinition)
        assert checks.node_def.name in steps
        assert not {step for step in steps if step.startswith(f"{checks.node_def.name}_")} - {
            other.node_def.name
            for other in definitions.asset_checks or []
            if isinstance(other, dg.AssetChecksDefinition)
        }


def test_weeks_start_on_monday_utc() -> None:
    assert week_of(datetime(2026, 11, 22, 23, 59, tzinfo=UTC)) == date(2026, 11, 16)
    assert week_of(datetime(2026, 11, 23, tzinfo=UTC)) == date(2026, 11, 23)
    for zone in ("Asia/Kolkata", "America/Los_Angeles"):
        assert week_of(datetime(2026, 11, 22, 23, 59, tzinfo=UTC).astimezone(ZoneInfo(zone))) == date(2026, 11, 16)
        assert week_of(datetime(2026, 11, 23, tzinfo=UTC).astimezone(ZoneInfo(zone))) == date(2026, 11, 23)
    assert SNAPSHOTS.get_first_partition_key() == "2023-10-02"
    for last in (datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 22, 23, 59, tzinfo=UTC)):
        assert SNAPSHOTS.get_partition_keys(last)[-1] == "2026-11-16"


def test_only_the_current_week_of_the_hub_can_be_collected() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    require_present_week(date(2026, 11, 16), now, "raw_hub__models")
    for other in (date(2026, 11, 9), date(2026, 11, 23)):
        with pytest.raises(dg.Failure, match=r"current state.*2026-11-21.*week 2026-11-16.*downstream"):
            require_present_week(other, now, "raw_hub__models")


def test_the_shipped_instance_survives_killed_runs() -> None:
    path = Path(__file__).parents[2] / "hub_assets" / "instance" / "dagster.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert settings["run_monitoring"] == {"enabled": True}
    # a second crawl waits in the queue; a rebuild does not
    runs = settings["concurrency"]["runs"]
    assert runs["max_concurrent_runs"] > 1
    assert {"key": COLLECTS_TAG, "limit": 1} in runs["tag_concurrency_limits"]
    assert {"key": "dagster/backfill", "limit": 1} in runs["tag_concurrency_limits"]
    assert settings["telemetry"] == {"enabled": False}
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False
