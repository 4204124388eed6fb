"""The static site for a week: report pages, and a framework for further pages such as the explorers.

Every number on a page comes from a query that the page shows (`queries`). A page consists of a module in `pages` and a
template. No statistics are computed here, because pages read the published warehouse.
"""
