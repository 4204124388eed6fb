"""The static site for a week: report pages, explorers, and the framework for both.

Every number on a page comes from a query that the site also shows (`queries`). A page consists of a module in `pages`
and a template. Statistics do not belong here: pages read them from the published warehouse.
"""
