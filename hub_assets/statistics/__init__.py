"""Statistics of activity: concentration, correlations, group differences, tails, survival, adoption and trends.

Functions take arrays or tables; only `lifetimes` reads a database. Drawing figures does not belong here.
"""
