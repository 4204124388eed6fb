"""Verdicts on whether a week's counters can be believed, and corrections of those that cannot.

`stalls` judges a series of listings, `quality` a single week, and `corrections` moves downloads to the weeks they
belong to. Listings are compared in SQL: `int_hub__listing_changes` and `core__repo_anomalies`. All thresholds are in
the seed `trust_rules`. Collecting listings and choosing between sources do not belong here.
"""
