"""A local Hub for the demo, tests and benchmarks: an HTTP server that serves a Hub's content as of one week."""
