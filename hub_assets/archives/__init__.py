"""Past weeks from public archives of the Hub's listings."""
