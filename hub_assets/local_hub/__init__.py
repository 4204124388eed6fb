"""A local Hub for the demo, tests and benchmarks: an HTTP server over a population."""
