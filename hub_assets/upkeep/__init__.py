"""Keeping a home in good order for years: doctor, verification, backup, retention and erasure of people.

Building weeks belongs in the other packages. Starting any of these tasks belongs in `cli` and `schedules`.
"""
