"""Parquet parts per table and snapshot date, the manifest that lists them, and the journal they are built from."""
