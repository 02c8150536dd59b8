"""A streaming recogniser as a transcriber."""

from __future__ import annotations

from gateway.providers.base import OUTSIDE_CALL, CallContext, TranscriberCapabilities, TranscriberStream
from gateway.providers.stt.connection import StreamingRecogniser


class StreamingTranscriber:
    """Transcription by connections of one provider."""

    def __init__(self, recogniser: StreamingRecogniser) -> None:
        self._recogniser = recogniser

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Text while the caller speaks."""
        return TranscriberCapabilities(partials=True, endpoints=self._recogniser.traits.endpoints, streaming=True)

    async def open(self, context: CallContext = OUTSIDE_CALL) -> TranscriberStream:
        """One call's transcription."""
        raise NotImplementedError
