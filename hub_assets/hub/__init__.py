"""The Hub as a source: client, pacing, listings, Arrow schemas. Knows no Dagster; only `snapshot` knows the lake."""
