"""Benchmarks: `python -m bench`."""

import gateway  # noqa: F401  first: it bounds the threads of numpy
