"""Search for repositories by what they can do: a weekly index of words and, if an embedder is installed, of meaning.

Collecting cards, the warehouse and the server do not belong here.
"""
