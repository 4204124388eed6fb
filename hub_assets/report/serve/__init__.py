"""Serves a published week over HTTP: its site, and answers to queries that the site's static files cannot answer.

The server is read-only: it uses the published warehouse, the week's search index and the week's site. Opening sockets
belongs in the code that runs the app; building pages belongs in `report.site`.
"""
