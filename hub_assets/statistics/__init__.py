"""Statistics of activity: concentration, correlations, group differences, corrections and tails.

Functions take arrays and return records. Reading data and drawing figures do not belong here.
"""
