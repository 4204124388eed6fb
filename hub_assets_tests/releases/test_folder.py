"""A week's release on disk: hub-stats' columns and queries, reproducible bytes, and descriptions that validate."""

import json
import re
import subprocess
import sys
import warnings
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from hub_assets.releases.documents import DOCUMENTS, weeks_of, write_documents
from hub_assets.releases.folder import Week, build_week, license_of
from hub_assets.releases.tables import LISTINGS, RELEASED, ReleaseError, parts_of
from hub_assets.releases.withheld import Withheld
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.releases.conftest import NEXT, WEEK, N

Sources = dict[str, dict[str, str]]
QUERIES = [
    "select id, downloads from read_parquet('{}/models.parquet') order by downloads desc limit 10",
    "select author, sum(downloadsAllTime) as n from '{}/models.parquet' group by author order by n desc",
    "select count(*), avg((downloads > 0)::int) from '{}/models.parquet'",
    "select baseModels.relation, count(*) from '{}/models.parquet' where baseModels is not null group by 1",
    "select id, unnest(baseModels.models).id as base from '{}/models.parquet'",
    "select sum(safetensors.total) from '{}/models.parquet' where safetensors is not null",
    "select id, json_extract(cardData, '$.datasets') from '{}/models.parquet'",
    "select count(*) from '{}/models.parquet' where list_contains(tags, 'license:mit')",
    "select b.id, count(*) from '{0}/models.parquet' as a, '{0}/models.parquet' as b "
    "where list_contains(a.tags, 'base_model:' || b.id) group by b.id",
    "select date_trunc('month', createdAt) as m, count(*) from '{}/datasets.parquet' group by m order by m",
    "select id, json_extract_string(cardData, '$.license'), likes, trendingScore from '{}/spaces.parquet' "
    "where sdk is null or sdk = 'gradio' order by likes desc limit 5",
    "select m.id, d.id from '{0}/models.parquet' as m join '{0}/datasets.parquet' as d "
    "on list_contains(json_extract_string(m.cardData, '$.datasets[*]'), d.id)",
]
"""Queries as hub-stats' users write them, with a placeholder for the data set's address."""


@pytest.fixture
def built(
    warehouse: duckdb.DuckDBPyConnection, project: Project, folder: Path, sources: Sources
) -> tuple[Path, Week, dict[str, str]]:
    week = build_week(warehouse, project, WEEK, folder, sources=sources)
    titles = {part.name: part.description for part in parts_of(project, WEEK)}
    write_documents(folder, [week], "lab/weekly", titles)
    return folder, week, titles


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_give_the_same_bytes(
    built: tuple[Path, Week, dict[str, str]],
    warehouse: duckdb.DuckDBPyConnection,
    project: Project,
    sources: Sources,
    tmp_path: Path,
) -> None:
    folder, week, titles = built
    # the order of rows in the warehouse must not matter
    warehouse.execute("create or replace table raw_hub__models as from raw_hub__models order by random()")
    again = build_week(warehouse, project, WEEK, tmp_path / "again", sources=sources)
    write_documents(tmp_path / "again", [again], "lab/weekly", titles)
    assert content_of(folder) == content_of(tmp_path / "again")
    assert again == week
    assert weeks_of((folder / "weeks.json").read_text()) == [week]


@pytest.mark.parametrize("query", QUERIES)
def test_queries_of_hub_stats_run_unchanged(built: tuple[Path, Week, dict[str, str]], query: str) -> None:
    folder, _, _ = built
    assert duckdb.execute(query.format(folder)).fetchall()


def test_listings_are_sorted_complete_and_null_where_nothing_was_collected(
    built: tuple[Path, Week, dict[str, str]],
) -> None:
    folder, week, _ = built
    for name in LISTINGS:
        file = pq.ParquetFile(folder / f"{name}.parquet")
        assert file.metadata.num_rows == N
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
        assert file.metadata.row_group(0).column(0).has_offset_index
        rows = file.read().to_pylist()
        assert [row["_id"] for row in rows] == sorted(row["_id"] for row in rows)
        assert {row["private"] for row in rows} == {None}
        assert (folder / f"{name}/week={WEEK}/{name}.parquet").samefile(folder / f"{name}.parquet")
    models = pq.read_table(folder / "models.parquet").to_pylist()
    assert {row["siblings"] for row in models} == {None}
    assert models[1]["baseModels"]["models"][0]["id"] == "lab/model1"
    assert json.loads(models[0]["cardData"]) == {"datasets": ["lab/dataset1", "squad"], "license": "mit"}
    assert json.loads(models[0]["config"]) == {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    assert {row["snapshot_date"] for row in models} == {WEEK}
    assert "`siblings`" in (folder / "README.md").read_text()
    assert week.removed == {"email": 3, "huggingface": 1}
    everything = b"".join(content_of(folder).values())
    assert b"me@example.org" not in everything


def test_card_keeps_the_limits_of_the_viewer_and_the_hub(built: tuple[Path, Week, dict[str, str]]) -> None:
    folder, week, _ = built
    card = (folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert len(card) < 1_000_000
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == ["latest"]
    assert len({config["config_name"] for config in front["configs"]}) == len(front["configs"]) == len(week.columns) + 1
    for config in front["configs"]:
        # each path or glob is the single split `train`; weeks are files that a glob matches, never splits or configs
        assert isinstance(config["data_files"], str)
        assert list(folder.glob(config["data_files"]))
    assert all(len(columns) <= 1000 for columns in week.columns.values())
    assert len(week.files) + len(DOCUMENTS) <= 100
    assert max(len(list(path.iterdir())) for path in folder.rglob("*") if path.is_dir()) < 10_000
    assert front["license"] == "apache-2.0"


def test_rows_of_odbl_make_the_release_odbl(
    built: tuple[Path, Week, dict[str, str]],
    warehouse: duckdb.DuckDBPyConnection,
    project: Project,
    sources: Sources,
    tmp_path: Path,
) -> None:
    folder, week, titles = built
    sources["spaces"] = {
        "source": "hfmlsoc/hub_weekly_snapshots (weekly-snapshots)",
        "revision": "a",
        "license": "ODbL",
    }
    later = build_week(warehouse, project, NEXT, tmp_path / "later", sources=sources)
    assert (week.license, later.license) == ("apache-2.0", "odbl")
    # an ODbL week remains in the data set, so the data set's license is still ODbL
    for newest, other in ((week, later), (later, week)):
        renamed = Week(**{**vars(newest), "week": "2026-12-07"}) if newest is week else newest
        if newest is week:
            renamed.files.update({path.replace(str(WEEK), "2026-12-07"): file for path, file in week.files.items()})
        write_documents(folder, [other, renamed], "lab/weekly", titles)
        card = (folder / "README.md").read_text()
        assert yaml.safe_load(card.split("---")[1])["license"] == "odbl"
        assert "hfmlsoc/hub_weekly_snapshots (ODbL)" in card
        assert json.loads((folder / "datapackage.json").read_text())["licenses"][0]["name"] == "ODbL-1.0"
    assert license_of(["Apache-2.0", "odbl"]) == "odbl"


def test_withheld_repository_and_its_former_names_are_absent(
    warehouse: duckdb.DuckDBPyConnection, project: Project, folder: Path, sources: Sources
) -> None:
    warehouse.execute(
        f"update raw_hub__models set id = 'lab/renamed' where id = 'lab/model1' and snapshot_date = '{NEXT}'"
    )
    withheld = [Withheld("LAB/Model1", "asked", date(2026, 11, 20))]
    build_week(warehouse, project, NEXT, folder, sources=sources, withheld=withheld)
    listed = duckdb.execute(f"select id, tags, baseModels from '{folder}/models.parquet'").fetchall()
    assert "lab/renamed" not in {repo_id for repo_id, *_ in listed}
    assert not re.search(r"lab/model1\b|lab/renamed", json.dumps(listed))


READ_CROISSANT = """
import sys
import mlcroissant
described = mlcroissant.Dataset(jsonld=sys.argv[1])
assert described.metadata.ctx.issues.errors == set()
print(next(iter(described.records("models")))["models/id"])
"""


@pytest.mark.slow
def test_mlcroissant_validates_and_reads_the_release(built: tuple[Path, Week, dict[str, str]]) -> None:
    folder, _, _ = built
    # in a separate process, because mlcroissant imports absl, whose log handler closes pytest's capture stream
    command = [sys.executable, "-W", "ignore", "-c", READ_CROISSANT, str(folder / "croissant.json")]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert "lab/model1" in read.stdout


def validate(folder: Path, week: Week) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from frictionless import Package

        report = Package.validate_descriptor(str(folder / "datapackage.json"))
        assert report.valid, report.flatten(["message"])
        package = Package.from_descriptor(str(folder / "datapackage.json"))
    for resource in package.resources:
        path = folder / str(resource.path)
        schema = pq.read_schema(path)
        assert [field.name for field in resource.schema.fields] == schema.names
        assert resource.hash == f"sha256:{week.files[str(resource.path)].sha256}"
        assert resource.bytes == path.stat().st_size


def test_frictionless_validates_the_release(built: tuple[Path, Week, dict[str, str]]) -> None:
    folder, week, _ = built
    validate(folder, week)


def test_tables_that_were_never_built_are_left_out(
    warehouse: duckdb.DuckDBPyConnection, project: Project, folder: Path, sources: Sources
) -> None:
    # as in a home that has only archived weeks
    missing = {"mart__activity_summary", "network__summary"}
    for name in missing:
        warehouse.execute(f"drop table {name}")
    week = build_week(warehouse, project, WEEK, folder, sources=sources)
    write_documents(folder, [week], "lab/weekly", {part.name: part.description for part in parts_of(project, WEEK)})
    assert {path.partition("/")[0] for path in week.files if "/" in path} == {*LISTINGS, *RELEASED} - missing
    validate(folder, week)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "mart__repo_activity" in card
    assert not any(name in card for name in missing)


def test_no_released_table_names_people(project: Project) -> None:
    names = {part.name for part in parts_of(project, WEEK)}
    assert names - set(LISTINGS) == set(RELEASED) & set(project.tables)
    pseudonymous = {"mart__collaboration_edges", "network__developer_centrality", "core__developers"}
    assert not names & pseudonymous
    for name in names & set(project.tables):
        assert not project.tables[name].personal


def test_table_with_a_personal_column_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_assets.releases.tables.RELEASED", ("core__developers",))
    with pytest.raises(ReleaseError, match="personal columns"):
        parts_of(project, WEEK)
