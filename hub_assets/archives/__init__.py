"""Imports past weeks from public archives of the Hub's listings. Collecting from the Hub itself belongs in `hub`."""
