import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.local_hub.population import Population, PopulationError
from hub_assets.local_hub.replay import replay
from hub_assets_tests.local_hub.conftest import Hub

StartHub = Callable[..., Hub]


def write(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"o/{path.parent.name}-{place}" for place in range(2)]
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


def test_a_folder_without_a_date_is_served_in_the_week_asked_for_or_the_present_one(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "models.parquet")
    assert replay(tmp_path / "mine", date(2024, 10, 16)).week == date(2024, 10, 14)
    before = datetime.now(UTC).date()
    week = replay(tmp_path / "mine").week
    assert week.weekday() == 0
    assert before - timedelta(days=6) <= week <= datetime.now(UTC).date()


def test_values_are_served_as_the_hub_writes_them(tmp_path: Path, start_hub: StartHub) -> None:
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


def test_dates_sort_the_same_as_text_and_as_timestamps(tmp_path: Path, start_hub: StartHub) -> None:
    days = [datetime(2024, 1, 2), datetime(2025, 1, 2)]
    write(tmp_path / "models.parquet", createdAt=pa.array(days, pa.timestamp("ns")))
    write(tmp_path / "datasets.parquet", createdAt=["2024-01-02T00:00:00.000Z", "2025-01-02T00:00:00.000Z"])
    hub = start_hub(replay(tmp_path))
    for kind in ("models", "datasets"):
        pages = list(hub.pages(f"/api/{kind}?sort=createdAt&limit=1&expand=createdAt"))
        assert [row["createdAt"][:4] for [row] in pages] == ["2025", "2024"]


def test_a_column_of_nulls_was_not_observed(tmp_path: Path, start_hub: StartHub) -> None:
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
    folder = lake / f"raw_hub__{table}" / f"snapshot_date={day}"
    ours = {"snapshot_date": [date.fromisoformat(day)] * 2, "extra": ['{"x":1}', None], "observed_at": ["now", "now"]}
    write(folder / "part-1.parquet", likes=[1, 2], **ours)
    pq.write_table(pa.table({"_id": ["66"], "id": ["o/more"], "likes": [5]}), folder / "part-2.parquet")
    (folder / "part-3.parquet").write_bytes(b"left behind")
    parts = [{"file": "part-1.parquet", "rows": 2}, {"file": "part-2.parquet", "rows": 1}]
    (folder / "_manifest.json").write_text(json.dumps({"complete": complete, "parts": parts}))


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
    assert ids(replay(lake, date(2026, 8, 17)), "space") == []
    rows = start_hub(population).rows("/api/models?sort=likes&full=true")
    assert [row["likes"] for row in rows] == [5, 2, 1]
    assert not {"extra", "snapshot_date", "observed_at"} & set().union(*rows)
    with pytest.raises(PopulationError, match=r"has no week 2026-08-31; it has 2026-08-17, 2026-08-24$"):
        replay(lake, date(2026, 8, 31))


def test_what_cannot_be_replayed_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=r"there is no folder .*nowhere"):
        replay(tmp_path / "nowhere")
    with pytest.raises(PopulationError, match="holds no recording"):
        replay(tmp_path)
    path = tmp_path / "models.parquet"
    path.write_text("no Parquet")
    with pytest.raises(PopulationError, match=r"models\.parquet cannot be read as Parquet"):
        replay(tmp_path)
    pq.write_table(pa.table({"id": ["a/b"]}), path)
    with pytest.raises(PopulationError, match="cannot be served: of the models the column _id is missing"):
        replay(tmp_path)
    pq.write_table(pa.table({"_id": ["1", "2"], "id": ["a/b", "a/b"]}), path)
    with pytest.raises(PopulationError, match="the column id has duplicates or gaps"):
        replay(tmp_path)


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


def test_recorded_commits_are_served_newest_first_and_say_nothing_of_accounts(
    tmp_path: Path, start_hub: StartHub
) -> None:
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


def test_many_recorded_commits_keep_their_order_wherever_they_stand(tmp_path: Path, start_hub: StartHub) -> None:
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


def test_commits_that_cannot_be_served(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "models.parquet")
    path = tmp_path / "mine" / "commits.parquet"
    pq.write_table(commits(model_id=["o/mine-1", "o/other", "o/mine-1"]), path)
    with pytest.raises(PopulationError, match="1 commits are of models that are not among the models"):
        replay(tmp_path / "mine")
    pq.write_table(commits().drop_columns("authors"), path)
    with pytest.raises(PopulationError, match="of the commits the column authors is missing"):
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
