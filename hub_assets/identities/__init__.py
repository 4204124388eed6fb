"""Who is who: bots, pairs of names that could be one person, evidence, decisions, merging, pseudonyms.

Tables go in and come out as Arrow. Where they are kept, and when this is done, does not belong here.
"""
