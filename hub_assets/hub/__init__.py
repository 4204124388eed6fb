"""The Hub as a data source: HTTP client, collection engine and raw tables. Dagster does not belong here."""
