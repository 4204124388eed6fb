"""The collection engine: crawls, budgets, plans and the response log."""
