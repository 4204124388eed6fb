"""The static site of a week: report pages, and a frame for further pages such as the explorers.

Every number on a page comes from a query that the page shows (`queries`). A page is one module in `pages` and one
template. Nothing here computes statistics: pages read the published warehouse.
"""
