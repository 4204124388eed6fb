"""The benchmarks, one file per topic; all modules here are loaded.

To keep the importing process small, they import the measured code only inside their functions.
"""
