"""Whether a week's counters can be believed.

`stalls` judges a series of listings, `quality` a week. The comparison of two listings and the corrected downloads are
SQL: `int_hub__listing_changes`, `core__repo_anomalies`, `int_hub__flow_corrections`. All thresholds are in the seed
`trust_rules`. Collecting, and choosing between sources, do not belong here.
"""
