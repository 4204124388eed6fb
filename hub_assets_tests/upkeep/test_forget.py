"""Erasing a person leaves no trace of the name in the home, changes no number, and survives the next crawl."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.identities.decisions import read_decisions
from hub_assets.lake.tombstones import PREFIX, Tombstones, TombstonesError, read_tombstones, write_tombstones
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.releases.commit import Target, record_published
from hub_assets.resources import HomeResource, project
from hub_assets.upkeep.backup import back_up
from hub_assets.upkeep.forget import Eraser
from hub_assets.upkeep.verify import verify
from hub_assets.vocabulary import REPO_TYPES
from hub_assets_tests.golden import WEEK, Golden, hub_of
from hub_assets_tests.hub.tables import COMMITS, DISCUSSIONS, plan_of
from hub_assets_tests.upkeep.aged import aged

NEXT = date(2026, 11, 23)
TABLES = "select distinct table_name from duckdb_tables() where schema_name <> 'publication'"


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert "Traceback" not in result.output
    return result


def places_of(home: Home, names: list[str]) -> list[str]:
    """Return where names occur in a home, either in a file's bytes or in the values of Parquet and DuckDB files."""
    found = []
    for path in sorted(path for path in home.root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += repr(pq.read_table(path, partitioning=None).to_pylist()).encode()
        if path.suffix == ".duckdb":
            with duckdb.connect(path, read_only=True) as connection:
                for (table,) in connection.execute(TABLES).fetchall():
                    content += repr(connection.execute(f"select * from {table}").fetchall()).encode()
        found += [f"{path.relative_to(home.root)}: {name}" for name in names if name.encode() in content]
    return found


def person_of(home: Home) -> list[str]:
    """Return the names of a person who has several, one of which is an account with its own repositories."""
    with duckdb.connect(home.warehouse, read_only=True) as connection:
        people = connection.execute(
            """
            select list(author order by author) from core__developers
            where developer_id in (
                select developer_id from core__developers
                inner join mart__repo_activity on repo_type = 'model' and starts_with(repo_id, author || '/')
                where regexp_full_match(author, '[a-z-]{8,}')
            )
            group by developer_id having count(*) > 1 order by all
            """
        ).fetchall()
    return list(people[0][0])


def numbers_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of a database without the text columns."""
    with duckdb.connect(path, read_only=True) as connection:
        found = {}
        for (table,) in connection.execute(TABLES).fetchall():
            described = connection.execute(f"describe {table}").fetchall()
            columns = [f'"{name}"' for name, kind, *_ in described if "VARCHAR" not in kind]
            rows = connection.execute(f"select {', '.join(columns) or 'null'} from {table}").fetchall()
            found[table] = sorted(rows, key=repr)
        return found


@pytest.mark.slow
def test_nothing_of_a_person_is_left_and_the_next_crawl_does_not_bring_them_back(
    golden: Golden, tmp_path: Path
) -> None:
    home = aged(Home(golden.copy(tmp_path / "home")))
    names = person_of(home)
    assert len(names) > 1
    back_up(home, tmp_path / "backups")
    assert run("release", "--to", "lab/weekly", "--dry-run", "--home", home.root).exit_code == 0
    record_published(home.releases, Target("https://hub.example", "lab/weekly"), f"week-{WEEK}")
    before = numbers_of(home.warehouse)
    (home.root / "older_weeks" / ".part.parquet.beside").write_text(names[0])  # left by a killed publication
    assert {place.partition("/")[0] for place in places_of(home, names)} >= {
        *("lake", "older_weeks", "releases", f"build.duckdb: {names[0]}")
    }
    result = run("forget", "--home", home.root, names[0], "--yes")
    assert result.exit_code == 0, result.output
    assert "number that changed: none" in result.output
    assert f"Still in a backup: {tmp_path / 'backups'}" in result.output
    assert f"in a release: https://hub.example/datasets/lab/weekly, tag week-{WEEK}" in result.output
    assert places_of(home, names) == []
    assert numbers_of(home.warehouse) == before
    home = Home(home.root)
    assert list(verify(home, project())) == []
    # in a rebuild, the person's names are still merged
    accepted = [row for row in read_decisions(home.decisions).to_pylist() if row["decision"] == "accepted"]
    assert any(row["author_a"].startswith(PREFIX) and row["author_b"].startswith(PREFIX) for row in accepted)
    with HomeResource(root=str(home.root)).building(WEEK) as connection:
        ((rows,),) = connection.execute(
            f"select count(*) from stg_hub__models where repo_id like '{PREFIX}%'"
        ).fetchall()
    assert rows > 0
    # running the command again succeeds
    again = run("forget", "--home", home.root, names[0], "--yes")
    assert again.exit_code == 0, again.output
    # the next week's listings and commits contain the old names again
    with running(build_app(hub_of(NEXT), quota=Quota(100_000, 300))) as url:
        client = HubClient(url, False, is_local=True)
        for repo_type in REPO_TYPES:
            land_listing(client, home.lake, LISTINGS[repo_type], NEXT)
        land(client, home.lake, COMMITS, NEXT)
        land(client, home.lake, DISCUSSIONS, NEXT)
    assert places_of(home, names) == []
    listed = pa.concat_tables(
        pq.read_table(file, partitioning=None) for file in home.lake.files("raw_hub__models", NEXT)
    )
    assert any(repo_id.startswith(PREFIX) for repo_id in listed["id"].to_pylist())
    assert plan_of(home.lake, COMMITS, NEXT).is_complete


def test_who_is_not_a_person_is_refused(golden: Golden, tmp_path: Path) -> None:
    for name, words in (("root", "a placeholder"), ("SFconvertbot", "a bot"), ("", "does not name a person")):
        result = run("forget", "--home", golden.home, name, "--yes")
        assert result.exit_code == 2
        assert words in result.output
    assert not (golden.home / "forgotten.json").exists()
    declined = CliRunner().invoke(cli.main, ["forget", "--home", str(golden.home), "nobody-here"], input="n\n")
    assert declined.exit_code == 1
    assert not (golden.home / "forgotten.json").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada", "T"),
        ("ada/bert", "T/bert"),
        ("base_model:finetune:ada/bert", "base_model:finetune:T/bert"),
        ("Uploaded by ada.", "Uploaded by T."),
        ("(ada)", "(T)"),
        ("ada-b/bert", "ada-b/bert"),
        ("canada", "canada"),
        ("ada.b", "ada.b"),
        ("ada_b", "ada_b"),
        ("Ada", "Ada"),
        ("thanks to ada, ada", "thanks to T, T"),
    ],
)
def test_a_name_is_replaced_as_a_whole_only(text: str, expected: str) -> None:
    assert Eraser({"ada": "T"}, [], []).text(text) == expected
    tombstones, tokens = Tombstones(b"k").with_names(["ada"], [])
    assert tombstones.replace(text, "").replace(tokens["ada"], "T") == expected


def test_a_name_that_is_a_term_is_replaced_only_where_it_names_somebody() -> None:
    eraser = Eraser({"transformers": "T"}, ["transformers"], ["author"])
    rows = pa.table(
        {
            "author": ["transformers", "other"],
            "id": ["transformers/x", "other/transformers"],
            "tags": [["transformers", "dataset:transformers/y"], []],
        }
    )
    expected = {
        "author": ["T", "other"],
        "id": ["T/x", "other/transformers"],
        "tags": [["transformers", "dataset:T/y"], []],
    }
    assert eraser.table(rows).to_pydict() == expected
    tombstones, tokens = Tombstones(b"k").with_names(["transformers"], ["transformers"])
    for row in rows.to_pylist():
        scrubbed = tombstones.scrub(json.dumps(row).encode()).decode().replace(tokens["transformers"], "T")
        assert json.loads(scrubbed) in pa.table(expected).to_pylist()


def test_nested_values_and_nulls_keep_their_place() -> None:
    kind = pa.list_(pa.struct([("user", pa.string()), ("n", pa.int64())]))
    values = [None, [], [{"user": "Jane Doe", "n": 1}, None, {"user": None, "n": None}], [{"user": "x", "n": 2}]]
    rows = pa.table(
        {
            "commits": pa.array(values, kind),
            "by": pa.array([[("Jane Doe", "a Jane Doe b")], None, [], []], pa.map_(pa.string(), pa.string())),
        }
    )
    eraser = Eraser({"Jane Doe": "T"}, [], [])
    changed = eraser.table(rows)
    assert changed.schema == rows.schema
    assert changed["commits"].to_pylist() == [
        None,
        [],
        [{"user": "T", "n": 1}, None, {"user": None, "n": None}],
        values[3],
    ]
    assert changed["by"].to_pylist() == [[("T", "a T b")], None, [], []]
    assert Eraser({"nobody": "T"}, [], []).table(rows) is rows
    for empty in (values[:2], []):
        column = pa.table({"commits": pa.array(empty, kind)})
        assert eraser.table(column).equals(column)


_NAMES = st.text(st.sampled_from("ab é-._ Z\u4e2d"), min_size=1, max_size=8)


@given(_NAMES, st.lists(_NAMES, max_size=4))
def test_tombstones_keep_out_what_was_erased(name: str, others: list[str]) -> None:
    tombstones, tokens = Tombstones(b"k").with_names([name], [])
    body = json.dumps({"author": name, "id": f"{name}/x", "others": [other for other in others if other != name]})
    scrubbed = json.loads(tombstones.scrub(body.encode()))
    assert scrubbed["author"] == tokens[name]
    assert name not in scrubbed["others"]
    assert len(scrubbed["others"]) == len([other for other in others if other != name])


def test_tombstones_reveal_no_name_and_belong_to_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "forgotten.json"
    tombstones, tokens = Tombstones(b"k").with_names(["Jane Doe"], [])
    write_tombstones(path, tombstones)
    assert "Jane" not in path.read_text()
    again = read_tombstones(path, lambda: b"k")
    assert again.replace("by Jane Doe", "") == f"by {tokens['Jane Doe']}"
    with pytest.raises(TombstonesError, match="another secret"):
        read_tombstones(path, lambda: b"other")
    path.write_text("{")
    with pytest.raises(TombstonesError, match="damaged"):
        read_tombstones(path, lambda: b"k")
    assert read_tombstones(tmp_path / "none", lambda: b"k").scrub(b"{}") == b"{}"
