"""A local Hub for the demo, tests and benchmarks: an HTTP server for a Hub's content in a week."""
