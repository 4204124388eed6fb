"""The week's tables as files: complete, documented, identical to the warehouse, and free of small groups."""

import csv
import hashlib
import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from hub_assets.home import Home
from hub_assets.report.site.package import AGGREGATES
from hub_assets.resources import project
from hub_assets_tests.golden import WEEK
from hub_assets_tests.report.site.made import built

FOREIGN = {
    "core__developers",
    "core__developer_pairs",
    "mart__identity_pairs",
    "mart__collaboration_edges",
    "network__developer_centrality",
}


def test_the_descriptor_matches_the_files(site: Path) -> None:
    descriptor = json.loads((site / "data" / "datapackage.json").read_text(encoding="utf-8"))
    assert {resource["name"] for resource in descriptor["resources"]} == set(AGGREGATES)
    for resource in descriptor["resources"]:
        path = site / "data" / resource["path"]
        content = path.read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)
        header = next(csv.reader(content.decode("utf-8").splitlines()))
        assert header == [described["name"] for described in resource["schema"]["fields"]]
        assert set(resource["schema"]["primaryKey"]) <= set(header)
        assert all(described["description"] for described in resource["schema"]["fields"])


def test_files_hold_the_weeks_rows(site: Path, two_week_home: Home) -> None:
    with duckdb.connect(two_week_home.warehouse, read_only=True) as connection:
        for name, rows in AGGREGATES.items():
            week = f"from {name} where snapshot_date = date '{WEEK}' and ({rows})"
            ((n,),) = connection.execute(f"select count(*) {week}").fetchall()
            parquet = pq.read_table(site / "data" / f"{name}.parquet")
            assert parquet.num_rows == n, name
            connection.register("exported", parquet)
            columns = ", ".join(parquet.column_names)
            missing = f"select {columns} {week} except select {columns} from exported"
            assert connection.execute(missing).fetchall() == [], name
            ((n_csv,),) = connection.execute(
                f"select count(*) from read_csv('{site / 'data' / name}.csv', header = true)"
            ).fetchall()
            assert n_csv == n, name


def test_no_table_about_single_developers_is_exported() -> None:
    assert not FOREIGN & set(AGGREGATES)
    tables = project().tables
    assert not any(tables[name].personal for name in AGGREGATES)


@pytest.mark.parametrize(
    "name", ["network__collaboration_cores", "network__summary", "network__collaboration_over_time"]
)
def test_small_groups_are_left_out(name: str, site: Path) -> None:
    rows = pq.read_table(site / "data" / f"{name}.parquet").to_pylist()
    assert rows
    assert all(row["nodes"] >= 10 or row.get("is_max_k") for row in rows)


def test_equal_weeks_have_equal_hashes(site: Path, two_week_home: Home, tmp_path: Path) -> None:
    again = built(two_week_home, tmp_path).index.parent
    for name in ("cite.html", "CITATION.cff", "data/datapackage.json", "index.html"):
        assert (again / name).read_bytes() == (site / name).read_bytes(), name


def test_the_citation_file_is_valid_and_the_projects_own_agrees(site: Path) -> None:
    citation = yaml.safe_load((site / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version"} <= set(citation)
    root = Path(__file__).parents[3] / ".github" / "CITATION.cff"
    assert root.read_bytes() == (site / "CITATION.cff").read_bytes()
