"""Keeping a home in good order for years: doctor, verification, backup, retention and the erasure of people's names.

Building weeks belongs in the other packages. Starting any of these tasks belongs in `cli` and `schedules`.
"""
