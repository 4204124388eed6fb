"""Figures of the study: tables go in, a matplotlib Figure comes out; one function per figure.

They draw what the tables say. Nothing is estimated here, and there is no Dagster, no DuckDB and no pyplot, whose
figures live on in a global list until somebody closes them.
"""
