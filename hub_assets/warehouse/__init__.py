"""DuckDB: connections, weekly replacement, publishing, and the loader for `dbt_like_sql`. No Dagster here."""
