"""Identity resolution: bots, candidate pairs, evidence, decisions, merging and pseudonyms.

Inputs and outputs are Arrow tables. Storage and scheduling do not belong here.
"""
