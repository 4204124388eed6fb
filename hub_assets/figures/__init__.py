"""Figures of the study: one function per figure, which takes tables and returns a matplotlib Figure.

They draw what the tables contain and estimate nothing. Dagster and DuckDB do not belong here, and neither does pyplot,
which keeps every figure in a global list until it is closed.
"""
