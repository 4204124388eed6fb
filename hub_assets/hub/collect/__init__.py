"""The collection engine: crawling, budgets, plans, and the log of responses."""
