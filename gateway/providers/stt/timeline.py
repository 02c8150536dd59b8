"""Where the audio of a connection belongs in the call."""

from __future__ import annotations

from bisect import bisect_right

from gateway.media.audio import SAMPLE_BYTES, ms_to_samples, samples_to_ms


class Timeline:
    """Translates times of a connection's audio to the call clock (ms). On hold there is no audio: the connection's time
    stands still while the call's goes on."""

    def __init__(self) -> None:
        self._sent = 0
        """Samples."""
        self._end = 0
        """Sample of the call at which the audio so far ends."""
        self._connection_ms: list[int] = []
        self._call_ms: list[int] = []

    @property
    def sent_ms(self) -> int:
        """How much audio there is."""
        return samples_to_ms(self._sent)

    @property
    def end_ms(self) -> int:
        """Where the audio so far ends in the call."""
        return samples_to_ms(self._end)

    def add(self, pcm: bytes, at_ms: int) -> bytes:
        """Audio that starts at `at_ms` of the call clock. Returns the part of it that is new."""
        at = ms_to_samples(at_ms)
        if not self._call_ms or at > self._end:
            self._connection_ms.append(self.sent_ms)
            self._call_ms.append(at_ms)
            self._end = at
        new = pcm[(self._end - at) * SAMPLE_BYTES :]
        self._sent += len(new) // SAMPLE_BYTES
        self._end += len(new) // SAMPLE_BYTES
        return new

    def start(self, connection_ms: int) -> int:
        """When what starts at this time of the connection started in the call."""
        return self._call(connection_ms, bisect_right(self._connection_ms, connection_ms))

    def end(self, connection_ms: int) -> int:
        """When what ends at this time of the connection ended in the call: before a hold, not after it."""
        return self._call(connection_ms, bisect_right(self._connection_ms, connection_ms - 1))

    def _call(self, connection_ms: int, found: int) -> int:
        if not self._call_ms:
            return connection_ms
        index = max(0, found - 1)
        return self._call_ms[index] + connection_ms - self._connection_ms[index]
