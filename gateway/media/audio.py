"""The audio format inside Parley, and the arithmetic between samples and milliseconds.

Everything between a leg and a worker is 8000 Hz, mono, signed 16-bit little endian, in frames of 20 ms: the telephone's
own rate, so nothing is resampled on the way. A stage that needs another rate resamples for itself.
"""

SAMPLE_RATE = 8000
"""Hz."""
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
"""Samples per frame: 160."""
SAMPLE_BYTES = 2
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
"""Bytes per frame: 320."""


def samples_to_ms(samples: int) -> int:
    """Whole milliseconds that `samples` last, rounded down."""
    return samples * 1000 // SAMPLE_RATE


def ms_to_samples(ms: int) -> int:
    """Samples that last `ms` milliseconds."""
    return ms * SAMPLE_RATE // 1000
