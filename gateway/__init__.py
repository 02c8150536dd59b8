"""Parley: an open, self-hosted voice-AI telephony gateway."""

import os

__version__ = "0.1.0"

# Before numpy is loaded: its matrices are small here, and BLAS threads that wait for work by spinning cost more than
# they bring. A recognition takes 125 ms of processor time with one, 270 ms with two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
