"""Keeping a home in good order for years: doctor, verification, backup, retention and erasure of people.

What a week consists of belongs to the rooms that make it. Starting any of this belongs to `cli` and `schedules`.
"""
