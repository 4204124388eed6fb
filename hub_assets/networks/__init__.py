"""Networks of collaborating developers and of models used by Spaces: edges, measures and exports.

Inputs and outputs are tables. Loading rows and drawing figures do not belong here.
"""
