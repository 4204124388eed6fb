"""Serves a published week over HTTP: its site, and answers to questions that the site's own files cannot answer.

Everything here only reads: the published warehouse, the week's search index, and its site. Opening sockets belongs in
the code that runs the app; building pages belongs in `report.site`.
"""
