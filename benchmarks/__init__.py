"""Speed, measured: ratios to an idiomatic SimPy model of the same world, interleaved in one run. Never timed tests."""
