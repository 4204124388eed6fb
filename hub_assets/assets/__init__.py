"""Dagster assets, in one file per stage. They only call the domain packages, which parse, query and compute."""
