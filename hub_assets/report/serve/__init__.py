"""Serving a published week over HTTP: its site, and answers to questions that the site's own files cannot answer.

Everything here reads: the published warehouse, the week's search index, and the week's site. Sockets belong to
whoever runs the app, and what a page looks like belongs to `report.site`.
"""
