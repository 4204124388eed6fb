"""SQL for Spark: constructs without an exact translation are refused, and patterns mean the same in both dialects.

Whether both engines return the same rows is tested on a real server, in `integration/test_spark.py`.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hub_assets.errors import UserError
from hub_assets.warehouse.spark import Spark, SparkError, engine_of_environment
from hub_assets.warehouse.spark_sql import REFUSED, java_pattern, spark_sql
from hub_assets.warehouse.sql_project import ModelError, Project

WEEK = date(2026, 11, 16)


def translated(project: Project, columns: str) -> str:
    """Return a SELECT of columns from `int_hub__repositories` in Spark's SQL."""
    model = next(model for model in project.models if model.name == "int_hub__themes")
    sql = f"select {columns} from {{{{ ref('int_hub__repositories') }}}}"
    changed = replace(model, sql=sql, upstream=("int_hub__repositories",), path=Path("odd.sql"))
    return spark_sql(changed, WEEK, project.tables)


@pytest.mark.slow
def test_every_model_is_translated_without_approximation(project: Project) -> None:
    for model in project.models:
        sql = spark_sql(model, WEEK, project.tables).upper()
        assert not any(name in sql for name in (*REFUSED, "PERCENTILE_CONT", "GENERATE_SUBSCRIPTS", "MATERIALIZED"))


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("approx_quantile(n_likes, 0.5)", "approximate"),
        ("len(list_filter(tags, lambda tag: tag <> ''))", "array_length"),
        ("list(repo_id order by n_likes desc)", "desc"),
        ("sum(n_likes / 3 order by n_likes)", "ORDER BY"),
        ("var_samp(n_likes order by n_likes)", "ORDER BY"),
        ("regexp_replace(repo_id, 'a', 'b')", "regexp_replace"),
        ("regexp_matches(repo_id, sha)", "literal pattern"),
        ("trim(repo_id, 'x')", "trim"),
    ],
)
def test_inexact_translation_is_refused_by_name(project: Project, expression: str, why: str) -> None:
    with pytest.raises(ModelError, match=rf"odd\.sql: .*{why}"):
        translated(project, f"{expression} as snapshot_date")


def test_the_order_inside_a_standard_deviation_is_dropped(project: Project) -> None:
    translated_to = translated(project, "stddev_samp(n_likes order by n_likes) as snapshot_date")
    assert "STDDEV_SAMP(`int_hub__repositories`.`n_likes`)" in translated_to


@pytest.mark.parametrize(
    ("expression", "aggregate"),
    [
        ("list(sha)", "COLLECT_LIST"),
        ("list(distinct sha)", "COLLECT_SET"),
        ("list(distinct sha order by sha)", "COLLECT_SET"),
    ],
)
def test_lists_keep_nulls_that_the_aggregates_of_spark_drop(project: Project, expression: str, aggregate: str) -> None:
    assert f"{aggregate}(NAMED_STRUCT(" in translated(project, f"{expression} as snapshot_date")


@pytest.mark.parametrize(
    ("re2", "java"),
    [
        (r"a$", r"(?d)a\z"),
        (r"[$\s]\s", r"(?d)[$\t\n\f\r ][\t\n\f\r ]"),
        (r"^(?i)[^]$]\$\[$", r"(?d)^(?iu)[^]$]\$\[\z"),
    ],
)
def test_pattern_keeps_its_meaning_in_java(re2: str, java: str) -> None:
    assert java_pattern(re2) == java


@pytest.mark.parametrize(
    ("engine", "remote", "message"),
    [("presto", "", "duckdb or spark"), ("spark", "", "sc://host"), ("spark", "local[2]", "sc://host")],
)
def test_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch, engine: str, remote: str, message: str) -> None:
    monkeypatch.setenv("HUB_ASSETS_ENGINE", engine)
    monkeypatch.setenv("SPARK_REMOTE", remote)
    with pytest.raises(SparkError, match=message) as caught:
        engine_of_environment()
    assert isinstance(caught.value, UserError)


def test_missing_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    with pytest.raises(SparkError, match=r"hub-assets\[spark\]"):
        Spark("sc://127.0.0.1:1")


@pytest.mark.parametrize("address", ["sc://127.0.0.1:1", "sc://", "sc://127.0.0.1:99999"])
def test_unreachable_server_is_reported_at_once(address: str) -> None:
    # in a process without a main file, like a worker of pytest-xdist, the client itself would end the process
    with pytest.raises(SparkError, match="does not answer"):
        Spark(address)
