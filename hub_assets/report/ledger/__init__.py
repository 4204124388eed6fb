"""The ledger of published claims about the Hub, and the judgment of each claim against a week's tables.

Sentences that the report writes from its own numbers belong in `hub_assets.report.site.claims`.
"""
