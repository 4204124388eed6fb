"""The ledger of published claims about the Hub, and how a week's tables judge them.

Sentences that the report writes from its own numbers belong in `hub_assets.report.site.claims`.
"""
