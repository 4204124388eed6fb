"""The loader finds every mistake in the SQL before anything runs and reports its location."""

import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from hub_assets.warehouse.column_lineage import column_lineage
from hub_assets.warehouse.spark_sql import annotated
from hub_assets.warehouse.sql_project import ModelError, load_project
from hub_assets_tests.warehouse import building

REAL = Path(__file__).parents[2] / "dbt_like_sql"
SOURCES = """
version: 2
sources:
  - name: raw
    tables:
      - name: things
        description: One row per item.
        meta: {grain: [snapshot_date, k], group: things}
        columns:
          - {name: snapshot_date, data_type: DATE}
          - {name: k, data_type: BIGINT}
          - {name: box, data_type: "STRUCT(width BIGINT)"}
"""
THINGS = """select
    snapshot_date,
    k,
    box.width as width
from {{ source('raw', 'things') }}
where snapshot_date = date '{{ var('snapshot_date') }}'
"""
YML = """
version: 2
models:
  - name: mart__things
    description: One row per week and item.
    meta: {grain: [snapshot_date, k], group: things}
    columns:
      - {name: snapshot_date}
      - {name: k, data_tests: [not_null, {relationships: {arguments: {to: ref('mart__things'), field: k}}}]}
      - {name: width}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("seeds", "staging", "intermediate", "marts"):
        (tmp_path / name).mkdir()
    (tmp_path / "staging" / "sources.yml").write_text(SOURCES)
    (tmp_path / "marts" / "mart__things.sql").write_text(THINGS)
    (tmp_path / "marts" / "mart__things.yml").write_text(YML)
    return tmp_path


def test_valid_project_loads(folder: Path) -> None:
    project = load_project(folder)
    (model,) = project.models
    assert [(column.name, column.type) for column in model.columns] == [
        ("snapshot_date", "DATE"),
        ("k", "BIGINT"),
        ("width", "BIGINT"),
    ]
    assert model.upstream == ("raw__things",)
    assert column_lineage(model, project.tables)["width"] == [("raw__things", "box")]
    assert "date '2026-11-16'" in model.render(date(2026, 11, 16))
    assert {test.name for test in model.data_tests} == {
        "unique__snapshot_date__k",
        "not_null",
        "relationships__k",
    }


@pytest.mark.parametrize(
    ("wrong", "right", "line", "word"),
    [
        ("    kk,", "    k,", 3, "kk"),
        ("    box.length as width", "    box.width as width", 4, "length"),
        ("from {{ source('raw', 'thongs') }}", "from {{ source('raw', 'things') }}", 5, "raw__thongs"),
        ("from raw__things", "from {{ source('raw', 'things') }}", 5, "raw__things"),
        ("from {{ config('x') }}", "from {{ source('raw', 'things') }}", 5, "config"),
        ("from {% if x %}", "from {{ source('raw', 'things') }}", 5, "if x"),
        ("    nonesuch(k) as k,", "    k,", 3, "nonesuch"),
        ("selekt", "select", 2, "invalid SQL"),
        ("    columns('k'),", "    k,", 3, "columns"),
        ("    quantile_cont(k, [0.5]) as k,", "    k,", 3, "quantile"),
    ],
)
def test_sql_error_reports_file_and_line(folder: Path, wrong: str, right: str, line: int, word: str) -> None:
    path = folder / "marts" / "mart__things.sql"
    path.write_text(THINGS.replace(right, wrong, 1))
    with pytest.raises(ModelError) as caught:
        load_project(folder)
    message = str(caught.value)
    assert str(path) in message
    assert word in message
    assert f"mart__things.sql:{line}:" in message


@pytest.mark.parametrize(
    ("wrong", "right", "word"),
    [
        ("", "      - {name: width}\n", "width"),
        ("      - {name: wide}\n", "      - {name: width}\n", "wide"),
        ("[snapshot_date, kk]", "[snapshot_date, k]", "grain"),
        ("meta: {group: things}", "meta: {grain: [snapshot_date, k], group: things}", "grain"),
        ("meta: {grain: [snapshot_date, k]}", "meta: {grain: [snapshot_date, k], group: things}", "group"),
        ("[not_nil, ", "[not_null, ", "not_nil"),
        ("field: q", "field: k", "mart__things.q"),
        ("{to: ref('mart__things')}", "{to: ref('mart__things'), field: k}", "lacks field"),
        ("mart__thongs", "  - name: mart__things", "mart__things"),
        ("version: [", "version: 2", "YAML"),
    ],
)
def test_yml_error_reports_file(folder: Path, wrong: str, right: str, word: str) -> None:
    path = folder / "marts" / "mart__things.yml"
    path.write_text(YML.replace(right, wrong, 1))
    with pytest.raises(ModelError, match=r"mart__things\.yml") as caught:
        load_project(folder)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("tracked_metric", "word"),
    [
        ("{name: '{k}', column: hight}", "no column hight"),
        ("{name: '{kay}_width', column: width}", "no column kay"),
        ("{name: width, column: width, where: kay > 1}", "kay"),
    ],
)
def test_tracked_metric_with_unknown_column_is_rejected(folder: Path, tracked_metric: str, word: str) -> None:
    path = folder / "marts" / "mart__things.yml"
    meta = "group: things}"
    path.write_text(YML.replace(meta, f"group: things, tracked_metrics: [{tracked_metric}]}}"))
    with pytest.raises(ModelError, match=word):
        load_project(folder)


def test_data_test_can_be_a_warning(folder: Path) -> None:
    path = folder / "marts" / "mart__things.yml"
    severe = "{accepted_values: {arguments: {values: [1, true, false]}, config: {severity: warn}}}"
    path.write_text(YML.replace("{name: width}", f"{{name: width, data_tests: [{severe}]}}"))
    (model,) = load_project(folder).models
    assert [(test.columns, test.values) for test in model.data_tests if test.is_warning] == [
        (("width",), ("1", "true", "false"))
    ]
    assert not all(test.is_warning for test in model.data_tests)


def test_cycle_is_rejected(folder: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (folder / "marts" / f"{name}.sql").write_text(f"select * from {{{{ ref('{other}') }}}}")
    with pytest.raises(ModelError, match="cycle"):
        load_project(folder)


def test_staging_model_must_not_filter_by_week(folder: Path) -> None:
    for ending in ("sql", "yml"):
        shutil.move(folder / "marts" / f"mart__things.{ending}", folder / "staging" / f"mart__things.{ending}")
    with pytest.raises(ModelError, match="all weeks"):
        load_project(folder)


def test_code_version_ignores_comments_and_layout(folder: Path) -> None:
    path = folder / "marts" / "mart__things.sql"
    before = load_project(folder).models[0].code_version
    path.write_text("-- purpose\n" + THINGS.replace("\n    k,", " k , -- the key\n"))
    assert load_project(folder).models[0].code_version == before
    path.write_text(THINGS.replace("box.width as", "box.width + 1 as"))
    assert load_project(folder).models[0].code_version != before


def test_seed_header_must_match_its_description(folder: Path) -> None:
    (folder / "seeds" / "s.csv").write_text("a,b\n1,2\n")
    (folder / "seeds" / "s.yml").write_text(
        "seeds: [{name: s, meta: {grain: [a]}, columns: [{name: a, data_type: BIGINT}]}]"
    )
    with pytest.raises(ModelError, match=r"s\.csv:1"):
        load_project(folder)


@pytest.mark.slow
def test_sources_match_the_arrow_schemas() -> None:
    project = load_project(REAL)
    assert {source.name for source in project.sources} == building.SOURCES.keys()
    for table, schema in building.SOURCES.items():
        with duckdb.connect() as connection:
            connection.register("empty", schema.empty_table())
            written = [(name, kind) for name, kind, *_ in connection.execute("describe empty").fetchall()]
        assert [(column.name, column.type) for column in project.tables[table].columns] == written


@pytest.mark.slow
def test_every_model_transpiles_to_spark() -> None:
    for model in load_project(REAL).models:
        spark = sqlglot.transpile(model.render(date(2026, 11, 16)), read="duckdb", write="spark")
        assert len(sqlglot.parse(spark[0], read="spark")) == 1


def test_every_table_and_column_is_described() -> None:
    project = load_project(REAL)
    for table in (*project.models, *project.seeds, *project.sources):
        assert table.description.startswith("One row per"), table.name
        assert all(column.description for column in table.columns), table.name


@pytest.mark.slow
def test_no_table_depends_on_the_local_clock_or_time_zone() -> None:
    project = load_project(REAL)
    for table in (*project.models, *project.seeds, *project.sources):
        assert not [column.name for column in table.columns if "ZONE" in column.type.upper()], table.name
    clock = re.compile(r"\b(now|today)\(|current_|localtime|transaction_timestamp|timestamptz|time zone", re.IGNORECASE)
    for model in project.models:
        (statement,) = sqlglot.transpile(
            model.render(date(2026, 11, 16)), read="duckdb", write="duckdb", comments=False
        )
        assert not clock.search(statement), model.name


@pytest.mark.slow
def test_no_sum_depends_on_the_order_of_rows() -> None:
    """Sums of doubles can differ in their last digit between builds, because DuckDB reads rows in several threads."""
    project = load_project(REAL)
    found = []
    for model in project.models:
        typed = annotated(model, date(2026, 11, 16), project.tables)
        for aggregate in typed.find_all(exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance):
            is_exact = aggregate.this.is_type(*exp.DataType.INTEGER_TYPES, "decimal", "boolean")
            is_sum = isinstance(aggregate, exp.Sum | exp.Avg)
            if not ((is_sum and is_exact) or isinstance(aggregate.this, exp.Order)):
                found.append((model.name, aggregate.sql("duckdb")))
    assert found == []
