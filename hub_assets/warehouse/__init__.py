"""DuckDB: connections, replacing weeks, publishing, and the loader for `dbt_like_sql`. Does not import Dagster."""
