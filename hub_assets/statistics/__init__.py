"""Statistics of activity: concentration, correlations, differences between groups, corrections, tails.

Arrays go in, records come out. Where values come from, and what is drawn of them, does not belong here.
"""
