"""A Hub of our own for the demo, the tests and the benchmarks: an HTTP server over a population."""
