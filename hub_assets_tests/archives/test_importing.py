"""Finding and importing uploads over HTTP, without Dagster."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi

from hub_assets.archives.catalog import ARCHIVES
from hub_assets.archives.choosing import Choice, choose
from hub_assets.archives.conversion import Unreadable, columns_of, pages_of
from hub_assets.archives.importing import Damaged, import_listing, is_imported
from hub_assets.archives.uploads import ArchiveUnreachable, Uploads
from hub_assets.hub.collect.listing_rows import listing_rows
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake, Manifest
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.archive_exports import (
    ERAS,
    HUB_STATS,
    WEEKLY_SNAPSHOTS,
    archive_at,
    export_hub_stats,
    export_listing,
    upload,
)
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Repositories
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.vocabulary import REPO_TYPES, RepoType

WEEK = date(2025, 9, 1)
SUNDAY = datetime(2025, 9, 7, 13, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def population() -> Population:
    return simulated(WEEK, scale=0.0005, seed=4)


@pytest.fixture
def store(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path / "hub")


@pytest.fixture
def hub(store: Repositories, population: Population) -> Iterator[str]:
    with running(build_app(population, quota=Quota(10_000, 300), repositories=store)) as url:
        yield url


def uploads_of(hub: str, tmp_path: Path, name: str = "hub-stats") -> Uploads:
    return Uploads(HfApi(hub, token=False), ARCHIVES[name], tmp_path / f"{name}.json")


def convert(kind: RepoType, week: date, pages: pa.Table, seen: list[str]) -> tuple[pa.Table, dict[str, Any]]:
    rows, counts = listing_rows(pages, LISTINGS[kind], week, seen)
    return rows, {"rows": counts.to_json()}


def import_to(lake: Lake, uploads: Uploads, choice: Choice, downloads: Path) -> Manifest:
    listing = LISTINGS[choice.repo_type]
    table, converting = f"raw_archive__{choice.repo_type}s", partial(convert, choice.repo_type, choice.week)
    return import_listing(uploads, lake, table, choice, downloads, listing.fields, listing.json_fields, converting)


def listed_by_us(population: Population, kind: RepoType) -> pa.Table:
    """Return the rows that we would get by listing the same population ourselves."""
    repos = population.repos[kind]
    rows = population.rows(kind, repos, repos.ordered("createdAt"), list(LISTINGS[kind].fields))
    moment = pa.array([SUNDAY.replace(tzinfo=None)], pa.timestamp("us"))
    return listing_rows(pa.table({"body": [json.dumps(rows)], "observed_at": moment}), LISTINGS[kind], WEEK)[0]


def normal(rows: list[Any], name: str) -> list[Any]:
    """Return comparable values: JSON text parsed, and without the nulls that structs contain for missing fields."""

    def bare(value: Any) -> Any:
        return {k: bare(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value

    is_json = name in {field for table in LISTINGS.values() for field in table.json_fields}
    return [bare(json.loads(value)) if is_json and value is not None else value for value in rows]


@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.name)
def test_a_week_is_as_if_we_had_listed_it(
    store: Repositories, hub: str, population: Population, tmp_path: Path, era: Any
) -> None:
    export_hub_stats(store, population, SUNDAY, era)
    uploads, lake = uploads_of(hub, tmp_path), Lake(tmp_path / "lake")
    choices = choose(uploads.find(WEEK, WEEK), [WEEK])
    assert [choice.status for choice in choices] == ["complete"] * 3
    for minute, choice in enumerate(choices):
        kind = choice.repo_type
        assert choice.upload is not None
        assert choice.upload.at == SUNDAY + timedelta(minutes=minute)
        manifest = import_to(lake, uploads, choice, tmp_path / "down")
        rows = pq.ParquetFile(lake.files(f"raw_archive__{kind}s", WEEK)[0]).read()
        ours = listed_by_us(population, kind)
        assert rows.schema.equals(ours.schema)
        absent = set(manifest.details["absent"])
        assert absent == set(LISTINGS[kind].fields) - set(era.columns[kind])
        rows, ours = rows.sort_by("_id"), ours.sort_by("_id")
        for name in set(rows.column_names) - {"observed_at"}:
            if name in absent:
                assert rows[name].null_count == len(rows), name
            elif (kind, name) not in {("model", "config"), ("model", "gguf")} or era != ERAS[-1]:
                # of these two columns, the last era keeps only some fields
                assert normal(rows[name].to_pylist(), name) == normal(ours[name].to_pylist(), name), name
        source = manifest.details["source"]
        assert (source["license"], source["revision"]) == ("Apache-2.0", choice.upload.revision)
        assert is_imported(ARCHIVES["hub-stats"], lake, f"raw_archive__{kind}s", choice)
        assert import_to(lake, uploads, choice, tmp_path / "down") == manifest
    assert not (tmp_path / "down").exists()


def test_what_is_known_is_asked_once(store: Repositories, hub: str, population: Population, tmp_path: Path) -> None:
    for day in range(3):
        export_hub_stats(store, population, SUNDAY + timedelta(days=day))
    first = uploads_of(hub, tmp_path)
    found = first.find(WEEK, WEEK)
    assert len(found) == 9
    again = uploads_of(hub, tmp_path)
    assert again.find(WEEK, WEEK) == found
    assert again.calls == 1 < first.calls


def test_weekly_snapshots_belong_to_the_week_of_their_content(
    store: Repositories, hub: str, population: Population, tmp_path: Path
) -> None:
    # content is up to seven days newer than its label, so the newest creation time decides its week
    newest = max(max(population.repos[kind].table["createdAt"].to_pylist()) for kind in REPO_TYPES)
    repository = archive_at(store, WEEKLY_SNAPSHOTS, SUNDAY)
    for kind in REPO_TYPES:
        table = export_listing(population, kind, ERAS[-1])
        for label in ("2025-08-20", "2025-08-27", "2025-09-03"):
            upload(store, repository, f"{kind}s/{label}/{kind}s.parquet", table, SUNDAY)
    uploads = uploads_of(hub, tmp_path, "weekly-snapshots")
    weeks = [WEEK - timedelta(weeks=1), WEEK]
    found = uploads.find(weeks[0], weeks[-1])
    assert {one.batch.isoformat() for one in found} == {"2025-08-20", "2025-08-27", "2025-09-03"}
    assert all(one.at <= datetime.fromisoformat(newest) for one in found)
    choices = [choice for choice in choose(found, weeks) if choice.week == WEEK]
    # three uploads of the same content cannot represent a week that began after that content
    assert [choice.upload for choice in choices] == [None] * 3


def test_a_missing_archive_is_one_sentence(hub: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnreachable, match=r"cfahlgren1/hub-stats at http.* does not exist or is not public"):
        uploads_of(hub, tmp_path).find(WEEK, WEEK)


def test_a_file_that_is_not_parquet_does_not_represent_a_week(
    store: Repositories, hub: str, population: Population, tmp_path: Path
) -> None:
    export_hub_stats(store, population, SUNDAY)
    repository = store.find("dataset", HUB_STATS)
    assert repository is not None
    repository.commit("broken", {"models.parquet": store.put(b"PAR1 but not really")}, date=SUNDAY + timedelta(hours=1))
    choices = choose(uploads_of(hub, tmp_path).find(WEEK, WEEK), [WEEK])
    assert choices[0].upload is None or choices[0].upload.rows == 0


def test_a_damaged_download_is_refused_and_leaves_nothing_valid(
    store: Repositories, hub: str, population: Population, tmp_path: Path
) -> None:
    export_hub_stats(store, population, SUNDAY)
    uploads, lake = uploads_of(hub, tmp_path), Lake(tmp_path / "lake")
    choice = choose(uploads.find(WEEK, WEEK), [WEEK])[0]
    assert choice.upload is not None
    assert choice.upload.digest is not None
    file = store.path(choice.upload.digest)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Damaged, match="arrived damaged"):
        import_to(lake, uploads, choice, tmp_path / "down")
    assert lake.weeks("raw_archive__models") == []
    file.write_bytes(content)
    assert import_to(lake, uploads, choice, tmp_path / "down").rows == choice.upload.rows


def test_odd_values_are_nulls_that_are_counted(tmp_path: Path) -> None:
    table = pa.table(
        {
            "_id": ["1", "2", "3"],
            "id": ["a/1", "a/2", "a/3"],
            "downloads": [float("nan"), -1.0, 3.0],
            "cardData": ["{'not': json}", None, '{"license": "mit"}'],
            "gated": ["False", "auto", None],
            "tags": ['["a", "b"]', None, "[]"],
            "siblings": [["x"], [], None],
        }
    )
    pq.write_table(table, tmp_path / "models.parquet")
    fields = LISTINGS["model"].fields
    columns = columns_of(tmp_path / "models.parquet", list(fields))
    assert columns.ignored == ("siblings",)
    [bodies] = pages_of(tmp_path / "models.parquet", fields, LISTINGS["model"].json_fields)
    pages = pa.table({"body": bodies, "observed_at": pa.array([SUNDAY.replace(tzinfo=None)], pa.timestamp("us"))})
    rows, counts = listing_rows(pages, LISTINGS["model"], WEEK)
    assert rows["downloads"].to_pylist() == [None, None, 3]
    assert counts.type_mismatches == {"downloads": 1}
    assert rows["gated"].to_pylist() == ["false", "auto", None]
    assert rows["tags"].to_pylist() == [["a", "b"], None, []]
    assert rows["downloadsAllTime"].null_count == 3
    assert counts.not_observed["downloadsAllTime"] == 3
    assert json.loads(rows["cardData"][2].as_py()) == {"license": "mit"}


def test_a_file_without_keys_or_ids(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a/1"], "likes": [3]}), tmp_path / "spaces.parquet")
    [[body]] = pages_of(tmp_path / "spaces.parquet", {"likes": pa.int64()}, frozenset())
    assert json.loads(body) == [{"id": "a/1", "likes": 3, "_id": "id:a/1"}]
    pq.write_table(pa.table({"name": ["a/1"]}), tmp_path / "other.parquet")
    with pytest.raises(Unreadable, match="no column id"):
        list(pages_of(tmp_path / "other.parquet", {"likes": pa.int64()}, frozenset()))
