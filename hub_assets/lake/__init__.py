"""Parquet parts per table and snapshot date with their manifest, and the journal they are made from."""
