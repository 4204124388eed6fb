"""Networks of developers, of models used by Spaces, and of models and their bases: edges, measures and exports.

Inputs and outputs are tables. Loading rows and drawing figures do not belong here.
"""
