"""Networks of developers who work together and of models that spaces use: their edges, and what is measured of them.

Tables go in, tables come out. Where rows come from, and what is drawn of them, does not belong here.
"""
