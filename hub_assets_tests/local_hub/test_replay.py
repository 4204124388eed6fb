import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.lake.landing import Landing, Record
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.population import Population, PopulationError
from hub_assets.local_hub.replay import replay
from hub_assets_tests.local_hub.conftest import Hub

StartHub = Callable[..., Hub]


def write(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"o/{path.parent.name}-{number}" for number in range(2)]
    shared = {"_id": ["65a0" + "0" * 20, "65a1" + "0" * 20], "id": names}
    pq.write_table(pa.table(shared | columns), path)
    return path


def ids(population: Population, kind: Any = "model") -> list[str]:
    return list(population.repos[kind].table["id"].to_pylist())


def test_a_folder_of_one_week(tmp_path: Path, start_hub: StartHub) -> None:
    write(tmp_path / "mine" / "models.parquet", likes=[3, None])
    write(tmp_path / "mine" / "spaces.parquet", models=[["o/mine-0"], None])
    population = replay(tmp_path / "mine")
    assert population.identity == "replay:mine"
    hub = start_hub(population)
    assert hub.rows("/api/models?expand=likes&expand=downloads&expand=spaces") == [
        {"_id": "65a0" + "0" * 20, "id": "o/mine-0", "likes": 3, "spaces": ["o/mine-0"]},
        {"_id": "65a1" + "0" * 20, "id": "o/mine-1", "spaces": []},
    ]
    assert hub.rows("/api/datasets") == []
    assert hub.get("/api/users/o/overview").status_code == 501


def test_a_folder_without_a_date_serves_the_requested_or_the_current_week(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "models.parquet")
    assert replay(tmp_path / "mine", date(2024, 10, 16)).week == date(2024, 10, 14)
    before = datetime.now(UTC).date()
    week = replay(tmp_path / "mine").week
    assert week.weekday() == 0
    assert before - timedelta(days=6) <= week <= datetime.now(UTC).date()


def test_values_are_served_in_the_hubs_format(tmp_path: Path, start_hub: StartHub) -> None:
    moment = datetime(2024, 7, 14, 22, 20, 15)
    total = pa.struct([("total", pa.int64()), ("parameters", pa.map_(pa.string(), pa.int64()))])
    write(
        tmp_path / "models.parquet",
        createdAt=pa.array([moment, None], pa.timestamp("us")),
        lastModified=["2024-10-16T22:00:37.000Z", None],
        gated=[True, False],
        trendingScore=[21.0, 0.5],
        cardData=['{"license": "mit", "tags": [null]}', None],
        siblings=[[{"rfilename": "README.md"}, {"rfilename": "model.bin"}], None],
        safetensors=pa.array([{"total": 7, "parameters": [("F16", 7)]}, {"total": 9, "parameters": None}], total),
    )
    fields = ("createdAt", "lastModified", "gated", "trendingScore", "cardData", "safetensors", "author", "siblings")
    first, second = start_hub(replay(tmp_path)).rows("/api/models?" + "&".join(f"expand={name}" for name in fields))
    assert first == {
        "_id": "65a0" + "0" * 20,
        "id": f"o/{tmp_path.name}-0",
        "createdAt": "2024-07-14T22:20:15.000Z",
        "lastModified": "2024-10-16T22:00:37.000Z",
        "gated": True,
        "trendingScore": 21,
        "cardData": {"license": "mit", "tags": [None]},
        "siblings": [{"rfilename": "README.md"}, {"rfilename": "model.bin"}],
        "safetensors": {"total": 7, "parameters": {"F16": 7}},
        "author": "o",
    }
    assert {k: v for k, v in second.items() if k not in ("_id", "id")} == {
        "gated": False,
        "trendingScore": 0.5,
        "safetensors": {"total": 9},
        "author": "o",
    }


def test_dates_sort_the_same_as_text_or_timestamps(tmp_path: Path, start_hub: StartHub) -> None:
    days = [datetime(2024, 1, 2), datetime(2025, 1, 2)]
    write(tmp_path / "models.parquet", createdAt=pa.array(days, pa.timestamp("ns")))
    write(tmp_path / "datasets.parquet", createdAt=["2024-01-02T00:00:00.000Z", "2025-01-02T00:00:00.000Z"])
    hub = start_hub(replay(tmp_path))
    for kind in ("models", "datasets"):
        pages = list(hub.pages(f"/api/{kind}?sort=createdAt&limit=1&expand=createdAt"))
        assert [row["createdAt"][:4] for [row] in pages] == ["2025", "2024"]


def test_an_all_null_column_was_not_observed(tmp_path: Path, start_hub: StartHub) -> None:
    write(tmp_path / "models.parquet", tags=[None, None], likes=[None, None], author=[None, None])
    hub = start_hub(replay(tmp_path))
    assert hub.rows("/api/models?filter=x") == []
    assert {row["author"] for row in hub.rows("/api/models?sort=likes&expand=author&expand=tags")} == {"o"}


def test_a_folder_named_by_its_date(tmp_path: Path) -> None:
    write(tmp_path / "radar" / "2026-08-19" / "models.parquet")
    population = replay(tmp_path / "radar" / "2026-08-19")
    assert (population.identity, population.week) == ("replay:radar", date(2026, 8, 17))


def test_a_folder_of_dated_folders(tmp_path: Path) -> None:
    for day in ("2026-08-17", "2026-08-24"):
        write(tmp_path / "radar" / day / "models.parquet")
    (tmp_path / "radar" / "2026-08-31").mkdir()
    newest = replay(tmp_path / "radar")
    assert (newest.identity, newest.week, ids(newest)[0]) == ("replay:radar", date(2026, 8, 24), "o/2026-08-24-0")
    older = replay(tmp_path / "radar", date(2026, 8, 20))
    assert (older.week, ids(older)[0]) == (date(2026, 8, 17), "o/2026-08-17-0")
    with pytest.raises(PopulationError, match=r"has no week 2026-08-10; it has 2026-08-17, 2026-08-24$"):
        replay(tmp_path / "radar", date(2026, 8, 10))


def land(lake: Path, table: str, day: str, complete: bool = True) -> None:
    ours = {"snapshot_date": [date.fromisoformat(day)], "extra": ['{"x":1}'], "observed_at": ["now"]}

    def convert(records: list[Record], _: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
        (record,) = records
        return pa.table({name: [value] for name, value in record.meta.items()} | ours), {}

    with Landing(Lake(lake), f"raw_hub__{table}", date.fromisoformat(day), convert, flush_bytes=1) as landing:
        for likes in (1, 5, 2):
            landing.append(Record({"_id": f"6{likes}", "id": f"o/{day}-{likes}", "likes": likes}, b""))
        if complete:
            landing.finish(lambda _: {})


def test_a_lake(tmp_path: Path, start_hub: StartHub) -> None:
    lake = tmp_path / "observatory" / "lake"
    land(lake, "models", "2026-08-17")
    land(lake, "models", "2026-08-24")
    land(lake, "spaces", "2026-08-24")
    land(lake, "models", "2026-08-31", complete=False)
    (lake / "raw_hub__models" / "snapshot_date=2026-09-07").mkdir()
    for directory in (lake, lake.parent):
        population = replay(directory)
        assert (population.identity, population.week) == ("replay:observatory", date(2026, 8, 24))
        assert len(ids(population)) == len(ids(population, "space")) == 3
        assert population.notes == ()
    assert ids(replay(lake, date(2026, 8, 17)), "space") == []
    rows = start_hub(population).rows("/api/models?sort=likes&full=true")
    assert [row["likes"] for row in rows] == [5, 2, 1]
    assert not {"extra", "snapshot_date", "observed_at"} & set().union(*rows)
    with pytest.raises(PopulationError, match=r"has no week 2026-08-31; it has 2026-08-17, 2026-08-24$"):
        replay(lake, date(2026, 8, 31))


def test_invalid_recordings_are_explained_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=r"folder .*nowhere does not exist"):
        replay(tmp_path / "nowhere")
    with pytest.raises(PopulationError, match="contains no recording"):
        replay(tmp_path)
    path = tmp_path / "models.parquet"
    path.write_text("no Parquet")
    with pytest.raises(PopulationError, match=r"models\.parquet is a file; name the folder"):
        replay(path)
    with pytest.raises(PopulationError, match=r"models\.parquet cannot be read as Parquet"):
        replay(tmp_path)
    pq.write_table(pa.table({"name": ["a/b"]}), path)
    with pytest.raises(PopulationError, match=r"models\.parquet: column id is missing"):
        replay(tmp_path)
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), path)
    with pytest.raises(PopulationError, match=r"models\.parquet has no rows"):
        replay(tmp_path)
    pq.write_table(pa.table([["a/b"], [1], [2]], ["id", "likes", "likes"]), path)
    with pytest.raises(PopulationError, match=r"models\.parquet has more than one column named likes"):
        replay(tmp_path)
    (tmp_path / "raw_hub__models" / "snapshot_date=soon").mkdir(parents=True)
    with pytest.raises(PopulationError, match=r"cannot be read \(.*soon"):
        replay(tmp_path)


def test_a_repeated_row_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = {
        "_id": ["a1", "a2", "a1", "a2", "a3", "a4"],
        "id": ["o/x", "o/y", "o/x", "o/renamed", "o/y", "o/renamed"],
        "likes": [1, 2, 3, 4, 5, 6],
    }
    pq.write_table(pa.table(rows), tmp_path / "models.parquet")
    population = replay(tmp_path)
    assert population.repos["model"].table["likes"].to_pylist() == [1, 2, 6]
    assert population.notes == ("Models left out because an earlier row has the same _id or id: 3.",)


def test_a_missing_key_is_derived_and_stays_the_same(tmp_path: Path) -> None:
    dated = datetime(2024, 7, 14, 22, 20, 15, 900_000)
    weeks: dict[str, dict[str, Any]] = {
        "2026-08-17": {"id": ["o/x", "o/y"], "createdAt": ["2024-07-14T22:20:15.900Z", None]},
        "2026-08-24": {"id": ["o/new", "o/y", "o/x"], "createdAt": [dated, None, dated], "_id": ["a1", None, None]},
    }
    found: list[dict[str, str]] = []
    for day, rows in weeks.items():
        (tmp_path / day).mkdir()
        pq.write_table(pa.table(rows), tmp_path / day / "models.parquet")
        population = replay(tmp_path / day)
        assert population.notes == ("Models whose missing _id was derived from createdAt and id: 2.",)
        table = population.repos["model"].table
        found.append(dict(zip(table["id"].to_pylist(), table["_id"].to_pylist(), strict=True)))
    first, second = found
    assert second == first | {"o/new": "a1"}
    assert all(re.fullmatch("[0-9a-f]{24}", key) for key in first.values())
    assert int(first["o/x"][:8], 16) == int(dated.replace(tzinfo=UTC).timestamp())
    assert first["o/y"][:8] == "0" * 8


def test_columns_missing_from_the_api_are_named(tmp_path: Path) -> None:
    write(tmp_path / "models.parquet", created_at=["2024", "2024"], likes=[1, 2], __index_level_0__=[0, 1])
    assert replay(tmp_path).notes == (
        "Columns of models left out because the Hub's API has no such field: 'created_at'.",
    )


def test_a_name_that_is_invalid_in_a_header(tmp_path: Path, start_hub: StartHub) -> None:
    folder = tmp_path / "evil\r\nX-Evil: 1"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["o/\x1b\x00x"], "gated": ["auto"]}), folder / "models.parquet")
    pq.write_table(commits(model_id=["o/\x1b\x00x"] * 3), folder / "commits.parquet")
    hub = start_hub(replay(folder))
    headers = hub.get("/api/models").headers
    assert headers["X-Hub-Population"] == "replay:evil--X-Evil: 1"
    assert "X-Evil" not in headers
    refusal = hub.get("/api/models/o/%1b%00x/commits/main")
    assert refusal.status_code == 401
    assert refusal.headers["X-Error-Message"].startswith(r"Access to model o/\x1b\x00x is restricted")


def commits(**columns: Any) -> pa.Table:
    recorded = {
        "model_id": ["o/mine-1", "o/mine-0", "o/mine-1"],
        "id": ["c" * 40, "a" * 40, "b" * 40],
        "title": ["newer", "only", "older"],
        "message": ["", "why", ""],
        "authors": [["ada", "Ada Love"], ["bob"], ["Ada Love"]],
        "date": ["2024-07-15T10:00:00.000Z", "2024-07-14T22:20:15.000Z", "2024-07-14T10:00:00.000Z"],
    }
    return pa.table(recorded | columns)


def test_recorded_commits_are_served_newest_first_without_accounts(tmp_path: Path, start_hub: StartHub) -> None:
    write(tmp_path / "mine" / "models.parquet", sha=["a" * 40, "c" * 40])
    pq.write_table(commits(), tmp_path / "mine" / "commits.parquet")
    hub = start_hub(replay(tmp_path / "mine"))
    assert hub.rows("/api/models/o/mine-1/commits/main") == [
        {
            "id": "c" * 40,
            "title": "newer",
            "message": "",
            "authors": [{"user": "ada"}, {"user": "Ada Love"}],
            "date": "2024-07-15T10:00:00.000Z",
        },
        {
            "id": "b" * 40,
            "title": "older",
            "message": "",
            "authors": [{"user": "Ada Love"}],
            "date": "2024-07-14T10:00:00.000Z",
        },
    ]
    assert [row["title"] for row in hub.rows("/api/models/o/mine-0/commits/main")] == ["only"]
    assert hub.get("/api/models/o/mine-0/discussions").status_code == 501


def test_many_recorded_commits_keep_their_order_in_any_row_order(tmp_path: Path, start_hub: StartHub) -> None:
    write(tmp_path / "mine" / "models.parquet")
    n = 200
    many = {
        "model_id": [f"o/mine-{place % 2}" for place in range(n)],
        "id": [f"{place:040x}" for place in range(n)],
        "title": [str(place) for place in range(n)],
        "authors": [["ada"]] * n,
        "message": [""] * n,
        "date": ["2024-07-15T10:00:00.000Z"] * n,
    }
    pq.write_table(pa.table(many), tmp_path / "mine" / "commits.parquet")
    hub = start_hub(replay(tmp_path / "mine"))
    titles = [row["title"] for row in hub.rows("/api/models/o/mine-1/commits/main?limit=1000")]
    assert titles == [str(place) for place in range(1, n, 2)]


def test_recorded_commits_are_served_newest_first_in_any_recorded_order(tmp_path: Path, start_hub: StartHub) -> None:
    write(tmp_path / "mine" / "models.parquet")
    pq.write_table(commits().take([2, 1, 0]), tmp_path / "mine" / "commits.parquet")
    hub = start_hub(replay(tmp_path / "mine"))
    assert [row["title"] for row in hub.rows("/api/models/o/mine-1/commits/main")] == ["newer", "older"]


def test_left_out_commits_are_counted(tmp_path: Path, start_hub: StartHub) -> None:
    write(tmp_path / "mine" / "models.parquet")
    path = tmp_path / "mine" / "commits.parquet"
    pq.write_table(commits(model_id=["o/mine-1", "o/other", "o/mine-1"]), path)
    note = "Commits left out because their model is not listed: 1 (models: 'o/other')."
    assert replay(tmp_path / "mine").notes == (note,)
    pq.write_table(pa.concat_tables([commits(), commits()]).drop_columns("message"), path)
    population = replay(tmp_path / "mine")
    assert population.notes == (
        "Commits left out because an earlier row has the same id and model: 3.",
        "Commits have no message; it is served empty.",
    )
    rows = start_hub(population).rows("/api/models/o/mine-1/commits/main")
    assert [(row["title"], row["message"]) for row in rows] == [("newer", ""), ("older", "")]
    # commits may be to unlisted models, or there may be no models file at all
    pq.write_table(commits(model_id=["o/other"] * 3), path)
    population = replay(tmp_path / "mine")
    assert population.notes == ("Commits left out because their model is not listed: 3 (models: 'o/other').",)
    assert start_hub(population).get("/api/models/o/mine-0/commits/main").status_code == 404
    (tmp_path / "mine" / "models.parquet").rename(tmp_path / "mine" / "datasets.parquet")
    (note,) = replay(tmp_path / "mine").notes
    assert note.endswith("commits.parquet: there is no models.parquet next to it.")


def test_commits_without_a_required_column_are_rejected(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "models.parquet")
    path = tmp_path / "mine" / "commits.parquet"
    pq.write_table(commits().drop_columns("authors"), path)
    with pytest.raises(PopulationError, match=r"commits\.parquet: column authors is missing"):
        replay(tmp_path / "mine")


def test_the_recorded_radar_listing(start_hub: StartHub, real_data: Path) -> None:
    population = replay(real_data / "radar", date(2026, 8, 24))
    assert (population.identity, len(ids(population))) == ("replay:radar", 15_156)
    hub = start_hub(population)
    path = "/api/models?limit=1000&sort=createdAt&expand=likes&expand=downloads&expand=safetensors&expand=cardData"
    rows = [row for page in hub.pages(path) for row in page]
    assert len({row["_id"] for row in rows}) == len(rows) == 15_156
    assert sum(row["likes"] == 0 for row in rows) / len(rows) == pytest.approx(0.8060, abs=5e-5)
    assert sum(row["downloads"] == 0 for row in rows) / len(rows) == pytest.approx(0.3562, abs=5e-5)
    assert not any("cardData" in row for row in rows)
    assert max(row["safetensors"]["total"] for row in rows if "safetensors" in row) > 1e16
    assert hub.rows("/api/spaces") == hub.rows("/api/datasets") == []


@pytest.mark.parametrize(
    ("folder", "kind", "number"), [("datasets_2023", "dataset", 24_065), ("top_models_2024", "model", 363)]
)
def test_other_recordings(start_hub: StartHub, real_data: Path, folder: str, kind: str, number: int) -> None:
    hub = start_hub(replay(real_data / folder))
    path = f"/api/{kind}s?sort=createdAt&limit=1000&expand=author&expand=createdAt"
    rows = [row for page in hub.pages(path) for row in page]
    assert len({row["_id"] for row in rows}) == number


def test_real_data_without_a_recording_is_rejected(real_data: Path) -> None:
    folders = {path for path in (real_data, *real_data.iterdir()) if path.is_dir()}
    for folder in folders - {real_data / name for name in ("radar", "top_models_2024", "datasets_2023")}:
        with pytest.raises(PopulationError, match="contains no recording"):
            replay(folder)
