"""The recording of one call: whether its sound may be kept, and who may hear it meanwhile.

Nothing is stored before consent is given, where it is asked for. While a recording is paused, the file has silence in
the place of both sides, and neither a transcriber nor a listener gets the caller's sound or keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.assistant.artifact_plan import RecordingPausePlan
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.media.recorder import Recorder
from gateway.recording.capture import CallCapture
from gateway.recording.key_code import KeyCode
from gateway.recording.settings import RecordingSettings

PAUSE, RESUME = "pause-recording", "resume-recording"
"""As live control names them."""
STATES: Mapping[str, str] = {PAUSE: "paused", RESUME: "resumed"}
_SILENCE = bytes(FRAME_BYTES)


@dataclass(frozen=True, slots=True)
class PauseRules:
    """How a call's recording is paused: by these keys, empty for none, and for how long at most, ms."""

    pause_keys: str = ""
    resume_keys: str = ""
    limit_ms: int = 120_000


def pause_rules(settings: RecordingSettings, plan: RecordingPausePlan | None) -> PauseRules:
    """Those of the assistant where it has its own."""
    own = plan or RecordingPausePlan()
    return PauseRules(
        pause_keys=own.pause_keys or settings.pause_keys or "",
        resume_keys=own.resume_keys or settings.resume_keys or "",
        limit_ms=round((own.max_seconds or settings.pause_seconds) * 1000),
    )


class CallRecording:
    """:param recorder: None where no sound is kept
    :param consent: the caller has to consent first
    :param tell: told of each change: `pause-recording` or `resume-recording`, and by whom
    :param press: gets the keys that are the conversation's
    :param capture: of what is sent and received, which hides the same
    """

    def __init__(
        self,
        recorder: Recorder | None,
        rules: PauseRules,
        *,
        consent: bool,
        tell: Callable[[str, str], None],
        press: Callable[[str], None],
        capture: CallCapture | None = None,
    ) -> None:
        self.allowed = not consent
        """What is said may be stored."""
        self.paused = False
        self.kept = False
        """Something of it was stored."""
        self._recorder = recorder
        self._capture = capture
        self._rules = rules
        self._tell = tell
        self._press = press
        self._pausing = KeyCode(rules.pause_keys)
        self._resuming = KeyCode(rules.resume_keys)
        self._until_ms = 0
        self._now_ms = 0

    @property
    def recorder(self) -> Recorder | None:
        """The file, where there is one to be."""
        return self._recorder

    def hear(self, tick: int, caller: bytes, agent: bytes) -> tuple[bytes, bytes]:
        """Both sides of a tick, 320 bytes each; returns what of them others may hear."""
        self._now_ms = tick * FRAME_MS
        if self.paused:
            caller = agent = _SILENCE
            if self._now_ms >= self._until_ms:
                self.resume("limit")
        if self._recorder is not None and self.allowed:
            self.kept = True
            self._recorder.add(tick, caller, agent)
        if self._pausing.held and (late := self._pausing.late(self._now_ms)):
            self._press_all(late)
        return caller, agent

    def key(self, key: str) -> None:
        """The caller pressed a key."""
        if self.paused:
            if self._resuming.press(key, self._now_ms)[0]:
                self.resume("keys")
            return
        complete, passed = self._pausing.press(key, self._now_ms)
        self._press_all(passed)
        if complete:
            self.pause("keys")

    def pause(self, by: str) -> None:
        """Keep and pass on nothing, from this tick on. A pause that goes on begins anew."""
        self._until_ms = self._now_ms + self._rules.limit_ms
        if not self.paused:
            self.paused = True
            self._pausing.forget()
            if self._capture is not None:
                self._capture.hide()
            self._tell(PAUSE, by)

    def resume(self, by: str) -> None:
        """Go on."""
        if self.paused:
            self.paused = False
            self._resuming.forget()
            if self._capture is not None and self.allowed:
                self._capture.show()
            self._tell(RESUME, by)

    def control(self, wanted: str, by: str) -> bool:
        """Pause or resume; false where something else is wanted."""
        if wanted not in (PAUSE, RESUME):
            return False
        (self.pause if wanted == PAUSE else self.resume)(by)
        return True

    def consented(self, answer: Mapping[str, Any]) -> None:
        """The caller's answer: the journal's `recording-consent`. A refusal is final."""
        self.allowed = bool(answer.get("granted"))
        if self._capture is not None and self.allowed and not self.paused:
            self._capture.show()

    def _press_all(self, keys: str) -> None:
        for key in keys:
            self._press(key)
