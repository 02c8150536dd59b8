"""Where others fetch what a call left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Address = Callable[[str, str], str]
"""The URL of one of a call's artifacts, given the call's id and the artifact's name in the path."""


@dataclass(frozen=True, slots=True)
class Links:
    """:param address: of an artifact; None while nobody serves any"""

    address: Address | None = None

    def recording(self, call_id: str) -> dict[str, Any]:
        """The fields of an artifact whose call was recorded; Vapi's older ones too."""
        if self.address is None:
            return {}
        mono, stereo = self.address(call_id, "mono-recording"), self.address(call_id, "stereo-recording")
        sides = {
            "combinedUrl": mono,
            "assistantUrl": self.address(call_id, "assistant-recording"),
            "customerUrl": self.address(call_id, "customer-recording"),
        }
        recording = {"stereoUrl": stereo, "mono": sides}
        return {"recordingUrl": mono, "stereoRecordingUrl": stereo, "recording": recording}

    def capture(self, call_id: str) -> dict[str, Any]:
        """The field of an artifact whose call's SIP messages were kept."""
        return {} if self.address is None else {"pcapUrl": self.address(call_id, "pcap")}

    def log(self, call_id: str) -> dict[str, Any]:
        """The field of an artifact whose call has a log."""
        return {} if self.address is None else {"logUrl": self.address(call_id, "call-logs")}
