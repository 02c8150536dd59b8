"""The books of one call: its journal, its recording and its figures, from which its record is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.call.calls import Calls
from gateway.call.disk import Disk
from gateway.call.journal import Entry, Journal
from gateway.call.leg import LegInfo, MediaStatistics
from gateway.call.lines import Lines
from gateway.call.media import media_of
from gateway.media.audio import FRAME_MS, samples_to_ms
from gateway.media.utterance import PlayoutState, Report
from gateway.observe import metrics
from gateway.recording.capture import CallCapture, CaptureRules
from gateway.recording.of_call import CallRecording, pause_rules
from gateway.recording.settings import RecordingSettings


class Books:
    """Opened with the call, closed once.

    :param publish: told each entry of the journal
    :param now: the wall clock
    :param full: called on another thread when the capture takes no more packets of media
    """

    def __init__(
        self,
        call_id: str,
        *,
        calls: Calls,
        disk: Disk,
        assistant: Assistant,
        recording: RecordingSettings,
        publish: Callable[[Entry], None] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        full: Callable[[], None] = lambda: None,
    ) -> None:
        self.statistics: MediaStatistics | None = None
        self._id = call_id
        self._calls = calls
        self._disk = disk
        self._now = now
        self.journal = Journal(
            calls.journal_path(call_id), disk, publish=publish, now_ms=lambda: int(now().timestamp() * 1000)
        )
        compliance = assistant.compliance_plan
        self._forbidden = compliance.forbids_recording
        recorded = recording.enabled and assistant.recorded
        self.recorder = calls.recorder(call_id, disk) if recorded else None
        kept = recording.events and not self._forbidden
        self.events = Lines(calls.events_path(call_id), disk, kept=False) if kept else None
        self.asks_consent = recorded and compliance.recording_consent_plan is not None
        self.capture = self._capture(recording, assistant, full) if recording.signalling or recording.packets else None
        self._rules = pause_rules(recording, compliance.recording_pause_plan)
        self._recording: CallRecording | None = None
        self._underruns = 0
        self._underrun_samples = 0

    def recording(self, *, tell: Callable[[str, str], None], press: Callable[[str], None]) -> CallRecording:
        """The recording, which waits for consent where the assistant wants that; parameters as of `CallRecording`."""
        self._recording = CallRecording(
            self.recorder,
            self._rules,
            consent=self.asks_consent,
            tell=tell,
            press=press,
            capture=None if self._forbidden else self.capture,
        )
        return self._recording

    def _capture(
        self, settings: RecordingSettings, assistant: Assistant, full: Callable[[], None]
    ) -> CallCapture | None:
        """What is said is in the packets, too: they are kept of calls whose sound may be."""
        if not assistant.artifact_plan.pcap_enabled:
            return None
        recorded = settings.enabled and assistant.recorded
        rules = CaptureRules(
            media=settings.packets and recorded,
            keys=settings.capture_keys,
            most_bytes=round(settings.capture_megabytes * 1_000_000),
        )
        hidden = self._forbidden or self.asks_consent
        return CallCapture(self._calls.capture_file(self._id), self._disk.submit, rules, hidden=hidden, full=full)

    def open(self, info: LegInfo, assistant_name: str, plan: CallPlan | None = None) -> None:
        """The journal's first line."""
        call: dict[str, Any] = {
            "id": self._id,
            "direction": info.direction,
            "caller": info.caller,
            "called": info.called,
            "trunk": info.trunk,
            "signalling_id": info.signalling_id,
            "assistant": assistant_name,
            "started_at": self.time(),
        }
        call |= _who(info)
        if plan is not None:
            call["plan"] = plan.shown()
        self.journal.append(0, "call", call)

    def time(self) -> str:
        """Wall clock, ISO 8601."""
        return self._now().isoformat()

    def count(self, report: Report) -> None:
        """An utterance that ended may have waited for its audio."""
        if report.underrun and report.state in (PlayoutState.FINISHED, PlayoutState.CUT):
            self._underruns += 1
            self._underrun_samples += report.underrun
            metrics.observe_underrun(report.underrun)

    def close(self, at_ms: int, ending: dict[str, Any]) -> None:
        """The last line, then the record; at once when the disk is idle.

        :param at_ms: the call clock, 0 when there never was media
        :param ending: reason, status and what else the call knows of its end
        """
        if self.recorder is not None:
            self.recorder.close()
        if self.capture is not None:
            self.capture.close()
        if self.statistics is not None:
            metrics.observe_media(self.statistics)
            self.journal.append(at_ms, "statistics", media_of(self.statistics))
        left_out_ms = self.recorder.left_out_frames * FRAME_MS if self.recorder is not None else 0
        kept = {
            "underruns": self._underruns,
            "underrun_ms": samples_to_ms(self._underrun_samples),
            "recording": self.recorder.path.name
            if self.recorder and self._recording and self._recording.kept
            else None,
            "capture": self.capture.path.name if self.capture and self.capture.kept else None,
            "events": self.events.path.name if self.events and self.events.any else None,
        }
        if left_out_ms:
            kept["recording_left_out_ms"] = left_out_ms
        self.journal.append(at_ms, "ended", {**ending, **kept})
        self._disk.keep(lambda: self._calls.finish(self.journal))


def _who(info: LegInfo) -> dict[str, Any]:
    """What is known of the caller beyond the address, as far as something is."""
    identity, diverted = info.identity, info.diverted_by
    known = {
        "caller_name": info.display_name,
        "identity": {"header": identity.header, "private": identity.private} if identity else None,
        "diverted_by": [{"number": one.number, "name": one.name, "reason": one.reason} for one in diverted],
        "source": info.source,
    }
    return {name: value for name, value in known.items() if value}
