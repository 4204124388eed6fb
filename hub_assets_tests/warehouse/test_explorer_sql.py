"""The marts behind the explorers, compared with a second count.

They cover organizations, themes, sizes, benchmarks, families and licenses.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hub_assets.local_hub.simulated import REFERENCE, simulate
from hub_assets.networks.families import family_tables
from hub_assets.warehouse.database import replace_week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.identities.simulated import raw_tables
from hub_assets_tests.warehouse.building import Database, build_week, fill, models_for

WEEK, BEFORE = date(2026, 11, 16), date(2024, 11, 11)
Row = dict[str, Any]
MARTS = ("mart__organizations", "mart__organization_days", "mart__organization_coverage", "mart__models")


class Warehouse(Database):
    """A database that builds the marts, and the family tables that some of these marts read."""

    def build(self, *tables: str, week: date = WEEK, **given: list[Row]) -> None:
        fill(self.connection, given)
        self.fill(models_for(self.project, *tables), week)

    def build_families(self, week: date = WEEK) -> None:
        """Fill the family tables from the base models, and then the marts that read them."""
        edges = self.connection.sql("""
            select edges.* exclude base_repo_id, coalesce(models.repo_id, base_repo_id) as base_repo_id
            from mart__base_model_edges as edges left join mart__models as models
                on edges.base_repo_key = models.repo_key
        """).to_arrow_table()
        downloads = self.connection.sql("select repo_key, n_downloads from mart__models").to_arrow_table()
        for name, rows in zip(("family_nodes", "family_members"), family_tables(edges, downloads), strict=True):
            self.connection.register("made", rows)
            select = f"select date '{week}' as snapshot_date, * from made"
            replace_week(self.connection, f"network__{name}", week, select)
        models = [model for model in self.project.models if model.name in ("mart__families", "mart__license_drift")]
        self.fill(models, week)

    def frame(self, select: str) -> pd.DataFrame:
        return self.connection.sql(select).df()


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    made = Warehouse(project)
    yield made
    made.connection.close()


def repo(key: str, name: str, week: date = WEEK, **values: Any) -> Row:
    row = {"snapshot_date": week, "observed_at": datetime(2026, 11, 16), "_id": key, "id": name, "tags": []}
    return row | values


def account(name: str, kind: str | None, week: date = WEEK) -> Row:
    row = {"snapshot_date": week, "author": name, "name": name, "account_type": kind}
    return row | {"outcome": "ok" if kind else "failed"}


def recorded_models(warehouse: Warehouse, real_data: Path, *tables: str) -> pd.DataFrame:
    """Build marts from a recorded listing, and return the listing."""
    path = real_data / "radar/2026-08-24/models.parquet"
    warehouse.build("int_hub__organizations")
    warehouse.connection.execute(f"""
        insert into raw_hub__models by name
        select
            date '{WEEK}' as snapshot_date, _id, id, author, cast(createdAt as timestamp) as createdAt,
            likes, downloads,
            tags, pipeline_tag, library_name, struct_pack(total := safetensors.total, parameters := null) as safetensors
        from '{path}'
    """)
    warehouse.fill(models_for(warehouse.project, *tables), WEEK)
    return pq.read_table(path).to_pandas()


def seed(name: str, project: Project) -> list[dict[str, str]]:
    with project.tables[name].path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_organization_has_the_namespaces_valid_in_the_week(warehouse: Warehouse) -> None:
    columns = "select namespace, organization, kind, country, organization_group from int_hub__namespaces where "
    for week, expected in (
        (WEEK, ("neuralmagic", "Red Hat", "company", "United States", "IBM")),
        (BEFORE, ("neuralmagic", "Neural Magic", "company", "United States", "Neural Magic")),
    ):
        warehouse.build(
            "int_hub__namespaces",
            week=week,
            raw_hub__models=[
                repo("1", "NousResearch/a", week),
                repo("2", "neuralmagic/b", week),
                repo("3", "somebody/c", week),
                repo("4", "unheard-of/d", week),
                repo("5", "no-namespace", week),
            ],
            raw_hub__datasets=[repo("6", "somebody/e", week), repo("8", "asked/f", week)],
            raw_hub__spaces=[repo("7", "facebook/f", week)],
            enrich_hub__accounts=[account("Somebody", "user", week), account("asked", None, week)],
        )
        assert warehouse.rows(f"{columns} snapshot_date = date '{week}' order by all") == [
            ("NousResearch", "Nous Research", "company", "United States", "Nous Research"),
            ("asked", "asked", "unknown", None, "asked"),
            ("facebook", "Meta", "company", "United States", "Meta"),
            expected,
            ("somebody", "somebody", "individual", None, "somebody"),
            ("unheard-of", "unheard-of", "unknown", None, "unheard-of"),
        ]


def test_several_namespaces_make_one_organization_and_what_is_unknown_is_counted(warehouse: Warehouse) -> None:
    warehouse.build(
        "mart__organizations",
        "mart__organization_coverage",
        raw_hub__models=[
            repo("1", "google/a", downloads=50, likes=1),
            repo("2", "Google-BERT/b", downloads=20, likes=2),
            repo("3", "google/c", downloads=None, likes=None),
            repo("4", "bigscience/d", downloads=20),
            repo("5", "unheard-of/e", downloads=10),
            repo("6", "legacy", downloads=0),
        ],
        raw_hub__spaces=[repo("s", "google/s")],
    )
    columns = "organization, repo_type, n_namespaces, n_repos, n_downloads, n_likes, n_repos_known"
    assert warehouse.rows(f"select {columns} from mart__organizations order by all") == [
        ("BigScience", "model", 1, 1, 20, None, 0),
        ("Google", "model", 2, 3, 70, 3, 0),
        ("Google", "space", 1, 1, None, None, 0),
        ("unheard-of", "model", 1, 1, 10, None, 0),
    ]
    assert warehouse.rows("select * exclude snapshot_date from mart__organization_coverage order by repo_type") == [
        ("model", 6, 4, 100, 4 / 6, 3 / 6, 1 / 6, 0.9, 0.7, 0.2),
        ("space", 1, 1, None, 1.0, 1.0, 0.0, None, None, None),
    ]


def test_organizations_of_a_recorded_listing(warehouse: Warehouse, real_data: Path) -> None:
    listing = recorded_models(warehouse, real_data, "mart__organizations", "mart__organization_coverage")
    rows = {row["namespace"].lower(): row for row in seed("organizations", warehouse.project) if not row["valid_from"]}
    rows |= {row["namespace"].lower(): row for row in seed("organizations", warehouse.project) if row["valid_from"]}
    handle = listing["id"].str.split("/").str[0].str.lower()
    listing["organization"] = handle.map(lambda name: rows.get(name, {}).get("organization"))
    own = listing["id"].str.split("/").str[0]
    listing["organization"] = listing["organization"].fillna(own.groupby(handle).transform("min"))
    counted = listing.groupby("organization").agg(n=("id", "count"), downloads=("downloads", "sum"))
    found = warehouse.frame("select organization, n_repos, n_downloads from mart__organizations").set_index(
        "organization"
    )
    assert found["n_repos"].to_dict() == counted["n"].to_dict()
    assert found["n_downloads"].fillna(0).to_dict() == counted["downloads"].to_dict()

    kinds = handle.map(lambda name: rows.get(name, {}).get("kind", "unknown"))
    countries = handle.map(lambda name: rows.get(name, {}).get("country", ""))
    total = listing["downloads"].sum()
    ((kind, country),) = warehouse.rows(
        "select share_of_downloads_with_kind, share_of_downloads_with_country from mart__organization_coverage"
    )
    assert kind == pytest.approx(listing["downloads"][kinds != "unknown"].sum() / total)
    assert country == pytest.approx(listing["downloads"][~countries.isin(["", "International"])].sum() / total)
    assert (kind, country) == (pytest.approx(0.95, abs=0.02), pytest.approx(0.89, abs=0.03))

    # the 300 namespaces with the most downloads have at least been reviewed
    top = listing.assign(handle=handle).groupby("handle")["downloads"].sum().nlargest(300)
    assert [name for name in top.index if name not in rows] == []


KINDS = {
    "Academic (Individual)": "individual",
    "Academic (Research community)": "community",
    "Academic (Research institution)": "research institute",
    "Academic (University)": "university",
    "Non-academic (American Big Tech)": "company",
    "Non-academic (Big Tech)": "company",
    "Non-academic (Chinese AI Tiger)": "company",
    "Non-academic (Chinese Big Tech)": "company",
    "Non-academic (Company)": "company",
    "Non-academic (European Big Tech)": "company",
    "Non-academic (Individual)": "individual",
    "Non-academic (Research community)": "community",
    "Non-academic (Research institution)": "research institute",
    "Non-academic (Research lab)": "company",
}
"""Our kind for each contributor type of the European Open Source AI Index, whose two research labs are companies."""


COUNTRY_DISAGREEMENTS = [
    ("blinkdl", "China", "International"),
    ("briaai", "International", "Israel"),
    ("carperai", "United States", "International"),
    ("deepfloyd", "International", "United Kingdom"),
    ("hpcai-tech", "International", "Singapore"),
    ("llm360", "United States", "United Arab Emirates"),
    ("m-a-p", "China", "International"),
    ("nousresearch", "International", "United States"),
    ("skywork", "United States", "China"),
    ("togethercomputer", "International", "United States"),
    ("upstage", "International", "South Korea"),
    ("zai-org", "United States", "China"),
]
"""Namespace, country in the index, and our country. The index counts joint work and multiple offices as international;
it places CogVideoX in the United States, but the other systems of Z.ai in China."""
KIND_DISAGREEMENTS = [
    ("declare-lab", "research institute", "university"),
    ("deepfloyd", "community", "company"),
    ("inceptionai", "research institute", "company"),
    ("juyongjiang", "university", "individual"),
    ("nanbeige", "research institute", "company"),
    ("nousresearch", "community", "company"),
    ("openbmb", "research institute", "community"),
    ("orionzheng", "university", "individual"),
]
"""The index classifies the contributors to a system, but our seed classifies the owner of a namespace."""


def test_countries_and_kinds_agree_with_the_openness_index(real_data: Path, project: Project) -> None:
    with (real_data / "openness_index/systems.csv").open(encoding="utf-8") as file:
        systems = [row for row in csv.DictReader(file) if row["hub_link"]]
    ours = {row["namespace"].lower(): row for row in seed("organizations", project)}
    compared = []
    for row in systems:
        link = row["hub_link"].removeprefix("collections/").split("/")[0].lower()
        if link in ("docs", "datasets") or link not in ours:
            continue
        mine = ours[link]
        compared.append((link, row["origin"], mine["country"], KINDS.get(row["contributor_type"]), mine["kind"]))
    assert len({link for link, *_ in compared}) >= 70
    countries = [(link, theirs, mine) for link, theirs, mine, *_ in compared if theirs and mine]
    differing = sorted({(link, theirs, mine) for link, theirs, mine in countries if theirs != mine})
    assert differing == COUNTRY_DISAGREEMENTS
    kinds = [(link, theirs, mine) for link, *_, theirs, mine in compared if theirs and mine != "unknown"]
    assert sorted({row for row in kinds if row[1] != row[2]}) == KIND_DISAGREEMENTS
    assert sum(theirs == mine for _, theirs, mine in countries) / len(countries) > 0.85
    assert sum(theirs == mine for _, theirs, mine in kinds) / len(kinds) > 0.9


def test_themes_match_whole_tags(warehouse: Warehouse) -> None:
    warehouse.build(
        "int_hub__themes",
        raw_hub__models=[
            repo("1", "a/1", tags=["symbiosis", "bio", "Medical"], pipeline_tag="text-to-speech"),
            repo("2", "a/2", tags=["biofuel", "text-to-speechless", "task_categories:robotics"]),
            repo("3", "a/3", tags=None, pipeline_tag="robotics"),
        ],
        raw_hub__datasets=[
            repo("4", "a/4", tags=["task_categories:Time-Series-Forecasting", "modality:audio", "audio"])
        ],
    )
    assert warehouse.rows("select repo_type, repo_key, theme from int_hub__themes order by all") == [
        ("dataset", "4", "audio and speech"),
        ("dataset", "4", "time series"),
        ("model", "1", "audio and speech"),
        ("model", "1", "biomedical"),
        ("model", "1", "healthcare"),
        ("model", "2", "robotics"),
        ("model", "3", "robotics"),
    ]


def test_seeds_of_themes_are_whole_tags_in_lower_case(project: Project) -> None:
    rows = seed("themes", project)
    assert all(row["tag"] == row["tag"].strip().lower() for row in rows)
    dimensions: dict[str, set[str]] = {}
    for row in rows:
        dimensions.setdefault(row["theme"], set()).add(row["dimension"])
    assert all(len(found) == 1 for found in dimensions.values())


def test_unknown_size_is_a_class_of_its_own(warehouse: Warehouse) -> None:
    sizes = [None, 0, 1, 10**8, 10**9 - 1, 10**9, 5 * 10**9, 499 * 10**9, 500 * 10**9, 20 * 10**12, 2 * 10**15]
    warehouse.build(
        "mart__models",
        raw_hub__models=[
            repo(
                f"{place:02}",
                f"a/{place}",
                safetensors={"total": size, "parameters": None} if size is not None else None,
            )
            for place, size in enumerate(sizes)
        ],
    )
    assert [name for (name,) in warehouse.rows("select size_class from mart__models order by repo_key")] == [
        *("unknown", "unknown", "below 100M", "100M to 1B", "100M to 1B", "1B to 5B", "5B to 12B"),
        *("256B to 500B", "500B and more", "unknown", "unknown"),
    ]


def test_datasets_have_benchmarks_languages_and_one_size(warehouse: Warehouse) -> None:
    warehouse.build(
        "mart__datasets",
        raw_hub__datasets=[
            repo("1", "CAIS/MMLU", tags=["language:en", "language:EN", "language:de", "size_categories:10K<n<100K"]),
            repo("2", "squad", tags=["size_categories:1K<n<10K", "size_categories:10K<n<100K", "modality:text"]),
            repo("3", "somebody/squad-for-training", tags=["size_categories:big", "finance"]),
            repo("4", "a/4", tags=None),
        ],
    )
    columns = "benchmark, languages, size_class, modalities, domains, license_group"
    assert warehouse.rows(f"select {columns} from mart__datasets order by repo_key") == [
        ("MMLU", ["de", "en"], "10k<n<100k", [], [], "none"),
        ("SQuAD", [], "unknown", ["text"], [], "none"),
        (None, [], "unknown", [], ["finance"], "none"),
        (None, [], "unknown", [], [], "unknown"),
    ]


@pytest.mark.slow
def test_marts_of_the_simulated_hub_equal_a_second_count(warehouse: Warehouse) -> None:
    hub = simulate(REFERENCE)
    fill(warehouse.connection, {})
    for name, table in raw_tables(hub).items():
        warehouse.connection.register("given", table)
        warehouse.connection.execute(f"create or replace table {name} as from given")
    build_week(warehouse.connection, warehouse.project, REFERENCE)
    warehouse.build_families(REFERENCE)

    # every commit is counted on its day
    assert warehouse.rows("select repo_type, sum(n_commits) from int_hub__commit_days group by all order by all") == (
        warehouse.rows("select repo_type, sum(n_commits) from int_hub__commit_histories group by all order by all")
    )
    organization = {
        row["namespace"].lower(): row["organization"]
        for row in sorted(seed("organizations", warehouse.project), key=lambda row: row["valid_from"])
    }
    created: Counter[tuple[str, str, date]] = Counter()
    for repo_type in ("model", "dataset", "space"):
        repos = hub.repos[repo_type].select(["id", "createdAt"]).to_pylist()
        for row in repos:
            if "/" in row["id"]:
                name = row["id"].split("/")[0]
                created[organization.get(name.lower(), name), repo_type, row["createdAt"].date()] += 1
    found = warehouse.rows("select organization, repo_type, activity_date, n_created from mart__organization_days")
    counted: Counter[tuple[str, str, date]] = Counter()
    for name, repo_type, day, n in found:
        counted[name, repo_type, day] += n
    assert +counted == created
    assert warehouse.rows("select sum(n_commits) from mart__organization_days") == warehouse.rows(
        "select sum(n_commits) from int_hub__commit_histories "
        "join int_hub__repositories using (repo_type, repo_key) where namespace is not null"
    )

    # derivatives and families match those computed from the edges
    edges = warehouse.frame("select * from mart__base_model_edges where not is_self_loop")
    direct = edges.dropna(subset="base_repo_key").groupby("base_repo_key")["repo_key"].nunique()
    derived = warehouse.frame("select repo_key, n_derivatives from mart__models where n_derivatives > 0")
    assert derived.set_index("repo_key")["n_derivatives"].to_dict() == direct.to_dict()
    families = warehouse.frame("select * from mart__families")
    members = warehouse.frame("select * from network__family_members")
    assert len(families) > 20
    assert families.set_index("root_node")["n_members"].to_dict() == members.groupby("root_node").size().to_dict()
    assert families["n_members_fractional"].sum() == pytest.approx(members["node"].nunique())


def test_licenses_drift_by_the_rules(warehouse: Warehouse) -> None:
    def licensed(key: str, name: str | None, *bases: str) -> Row:
        tags = [f"license:{name}"] if name else []
        return repo(key, f"lab/{key}", tags=[*tags, *(f"base_model:finetune:lab/{base}" for base in bases)])

    warehouse.build(
        "mart__models",
        "mart__base_model_edges",
        raw_hub__models=[
            licensed("mit", "mit"),
            licensed("llama", "llama3"),
            licensed("same", "llama3", "llama"),
            licensed("freed", "apache-2.0", "llama", "mit"),
            licensed("bound", "cc-by-nc-4.0", "mit", "llama"),
            licensed("none", None, "mit", "nobody"),
            licensed("self", "mit", "self"),
        ],
    )
    warehouse.build_families()
    columns = "base_license_group, license_group, is_same_license, drift, n_edges"
    drift = f"select {columns} from mart__license_drift order by all"
    assert warehouse.rows(drift) == [
        ("not listed", "none", False, "unknown", 1),
        ("permissive", "none", False, "unknown", 1),
        ("permissive", "permissive", False, "kept", 1),
        ("permissive", "restrictive", False, "more restrictive", 1),
        ("restrictive", "permissive", False, "more permissive", 1),
        ("restrictive", "restrictive", False, "unknown", 1),
        ("restrictive", "restrictive", True, "kept", 1),
    ]
    columns = (
        "root_repo_id, is_listed, license_group, n_members, n_members_fractional, n_in_several_families, n_finetunes"
    )
    assert warehouse.rows(f"select {columns} from mart__families order by all") == [
        ("lab/llama", True, "restrictive", 3, 2.0, 2, 3),
        ("lab/mit", True, "permissive", 3, 1.5, 3, 3),
        ("lab/nobody", False, "unknown", 1, 0.5, 1, 1),
    ]


def test_three_thirds_of_a_family_are_one(warehouse: Warehouse) -> None:
    merged = {key: ["base_model:lab/a", "base_model:lab/b", "base_model:lab/c"] for key in ("x", "y", "z")}
    models = [repo(key, f"lab/{key}") for key in "abc"]
    models += [repo(key, f"lab/{key}", tags=tags) for key, tags in merged.items()]
    warehouse.build("mart__models", "mart__base_model_edges", raw_hub__models=models)
    warehouse.build_families()
    assert warehouse.rows("select n_members, n_members_fractional from mart__families") == [(3, 1.0)] * 3


def test_families_and_drift_of_a_recorded_listing(warehouse: Warehouse, real_data: Path) -> None:
    listing = recorded_models(warehouse, real_data, "mart__models", "mart__base_model_edges")
    warehouse.build_families()
    keys = dict(zip(listing["id"].str.lower(), listing["_id"], strict=True))
    named = {
        (key, tag.split(":")[-1].lower())
        for key, tags in zip(listing["_id"], listing["tags"], strict=True)
        for tag in tags
        if tag.startswith("base_model:")
    }
    direct = Counter(keys[base] for key, base in named if base in keys and keys[base] != key)
    derived = dict(warehouse.rows("select repo_key, n_derivatives from mart__models where n_derivatives > 0"))
    assert derived == direct
    unlisted = {base for _, base in named if base not in keys and re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", base)}
    ((n_unlisted,),) = warehouse.rows("select count(*) from network__family_nodes where not is_listed")
    assert n_unlisted == len(unlisted)
    assert warehouse.rows(
        "select count(*) from mart__families where root_node not in (select node from "
        "network__family_nodes where is_root)"
    ) == [(0,)]
    ((n_edges,),) = warehouse.rows("select count(*) from mart__base_model_edges where not is_self_loop")
    assert warehouse.rows("select sum(n_edges) from mart__license_drift") == [(n_edges,)]


def test_benchmarks_match_recorded_datasets_but_no_training_corpora(real_data: Path, project: Project) -> None:
    known = {row["dataset_id"]: row["benchmark"] for row in seed("benchmarks", project)}
    path = real_data / "datasets_2023" / "datasets.parquet"
    listed = duckdb.execute("select id from read_parquet(?) order by id", [str(path)]).fetchall()
    found = [name for (name,) in listed if name.lower() in known]
    assert len(found) >= 50
    assert not {"wikipedia", "wikitext", "c4", "bookcorpus", "oscar"} & set(known)
