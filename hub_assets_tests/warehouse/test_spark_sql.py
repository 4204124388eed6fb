"""SQL for Spark: constructs without an exact translation are refused, and patterns mean the same in both dialects.

Whether both engines return the same rows is tested on a real server, in `integration/test_spark.py`.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlglot import exp

from hub_assets.errors import UserError
from hub_assets.warehouse.spark import Spark, SparkError, engine_of_environment
from hub_assets.warehouse.spark_sql import KNOWN, KNOWN_BY_NAME, REFUSED, annotated, java_pattern, spark_sql
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
        ("approx_quantile(n_likes, 0.5)", "KNOWN"),
        ("percentile_cont(0.5) within group (order by n_likes)", ""),
        ("quantile(n_likes, 0.5)", "KNOWN"),
        ("quantile_disc(n_likes, 0.5)", "KNOWN"),
        ("log(n_likes)", "KNOWN"),
        ("arg_min(repo_id, n_likes)", "KNOWN"),
        ("list_contains(tags, repo_id)", "KNOWN"),
        ("list_concat(tags, tags)", "KNOWN"),
        ("n_likes // 2", "KNOWN"),
        ("repo_id ilike 'a%'", "KNOWN"),
        ("epoch(created_at)", "KNOWN"),
        ("dayofweek(created_at)", "KNOWN"),
        ("skewness(n_likes)", "KNOWN"),
        ("range(n_likes)", ""),
        ("generate_series(5, 1, -1)", "generate_series"),
        ("tags[-1]", "positive constant"),
        ("tags[0]", "positive constant"),
        ("max((n_likes, repo_id))", "struct_pack"),
        ("cast(2.5 as integer)", "fraction"),
        ("cast(n_likes / 3 as varchar)", "fraction"),
        ("date_diff('month', created_at, last_modified_at)", "seconds"),
        ("date_diff('day', created_at, last_modified_at)", "seconds"),
        ("substring(repo_id, 0, 3)", "positive constant"),
        ("regexp_matches(repo_id, 'a', 'i')", "in the pattern"),
        ("regexp_matches(repo_id, '[[:alpha:]]')", "pattern"),
        ("regexp_matches(repo_id, '[a-z&&b]')", "pattern"),
        (r"regexp_matches(repo_id, '\S')", "pattern"),
        (r"regexp_matches(repo_id, '\bword')", "pattern"),
        ("regexp_matches(repo_id, '(?mi)^a$')", "pattern"),
        ("regexp_matches(repo_id, '(?i:a)')", "pattern"),
        ("list(repo_id order by n_likes nulls first)", "nulls first"),
        ("len(list_filter(tags, lambda tag: tag <> ''))", "array_length"),
        ("list(repo_id order by n_likes desc)", "desc"),
        ("sum(n_likes / 3 order by n_likes)", "ORDER BY"),
        ("var_samp(n_likes order by n_likes)", "KNOWN"),
        ("regexp_replace(repo_id, 'a', 'b')", "regexp_replace"),
        ("regexp_matches(repo_id, sha)", "literal pattern"),
        ("trim(repo_id, 'x')", "trim"),
    ],
)
def test_inexact_translation_is_refused_by_name(project: Project, expression: str, why: str) -> None:
    with pytest.raises(ModelError, match=rf"odd\.sql: .*{why}"):
        translated(project, f"{expression} as snapshot_date")


def test_seconds_are_counted_from_boundaries(project: Project) -> None:
    sql = translated(project, "date_diff('second', created_at, last_modified_at) as snapshot_date")
    assert sql.count("DATE_TRUNC('SECOND'") == 2


def test_a_backslash_is_no_escape(project: Project) -> None:
    assert r"ESCAPE '\001'" in translated(project, r"repo_id like 'a\%' as snapshot_date")
    assert "ESCAPE" not in translated(project, "repo_id like 'a%' as snapshot_date")


def test_every_construct_that_is_known_is_used_by_a_model(project: Project) -> None:
    used = [node for model in project.models for node in annotated(model, WEEK, project.tables).walk()]
    assert {type(node).__name__ for node in used} == KNOWN
    assert {node.name.lower() for node in used if isinstance(node, exp.Anonymous)} == KNOWN_BY_NAME


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


def test_a_token_in_the_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SparkError, match=r"Spark at sc://127\.0\.0\.1:1 does not answer"):
        Spark("sc://127.0.0.1:1/;token=secret")
    monkeypatch.setenv("HUB_ASSETS_ENGINE", "spark")
    monkeypatch.setenv("SPARK_REMOTE", "https://somewhere/;token=secret")
    with pytest.raises(SparkError) as caught:
        engine_of_environment()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["sc://127.0.0.1:1", "sc://", "sc://127.0.0.1:99999"])
def test_unreachable_server_is_reported_at_once(address: str) -> None:
    # in a process without a main file, like a worker of pytest-xdist, the client itself would end the process
    with pytest.raises(SparkError, match="does not answer"):
        Spark(address)
