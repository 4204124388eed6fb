"""DuckDB: connections, weekly replacement, publishing, and the loader of `dbt_like_sql`. Knows no Dagster."""
