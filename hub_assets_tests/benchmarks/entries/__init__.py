"""The benchmarks, one file for each piece of work; all modules here are found and loaded.

They are imported by the harness, which stays small: what they measure is imported by the functions that do it.
"""
