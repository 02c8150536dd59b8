"""The matrix: which trials there are, which make no sense, and what is to become of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.providers.emulators.fault import AT_HANDSHAKE, STATUS, Kind
from tests.providers.faults.kinds import (
    HTTP_TTS,
    KINDS,
    LLM,
    SEGMENT_STT,
    SPEECH_TO_SPEECH,
    STREAMING_STT,
    WEB_SOCKET_TTS,
    ProviderKind,
)
from tests.providers.faults.trial import Case, Moment, Outcome

GOES_ON = ""
REFUSED = "refused"
"""The call is not taken, for the gateway to say so."""


@dataclass(frozen=True, slots=True)
class Senseless:
    """A cell without a trial."""

    kind: ProviderKind
    moment: Moment
    fault: Kind
    why: str


def cells() -> Iterator[Case | Senseless]:
    """The whole matrix."""
    for kind in KINDS:
        for moment in Moment:
            for fault in Kind:
                if why := _senseless(kind, moment, fault):
                    yield Senseless(kind, moment, fault, why)
                else:
                    yield Case(kind, moment, fault, stand_in=True)
                    yield Case(kind, moment, fault, stand_in=False)


def cases() -> list[Case]:
    """All trials."""
    return [cell for cell in cells() if isinstance(cell, Case)]


_BY_REQUEST = (SEGMENT_STT, LLM, HTTP_TTS, WEB_SOCKET_TTS)
_ASKED_LATER = "nothing is asked of it then: it shows with the next request, as under thinking"


def _senseless(kind: ProviderKind, moment: Moment, fault: Kind) -> str:
    """Why there is no such trial, empty where there is."""
    if fault is Kind.OUT_OF_ORDER and kind is not STREAMING_STT:
        return "the pieces of one answer have no numbers, and its connection keeps their order"
    if fault is Kind.ZERO_AUDIO and kind is STREAMING_STT:
        return "a stream of texts has no empty answer: without texts it hangs"
    if kind in _BY_REQUEST and moment is Moment.CALLER_SPEAKS:
        return _ASKED_LATER
    if moment is Moment.AGENT_SPEAKS and kind is SEGMENT_STT:
        return _ASKED_LATER
    if moment is Moment.AGENT_SPEAKS and kind in _BY_REQUEST and fault in {Kind.REFUSE, *AT_HANDSHAKE}:
        return "an answer that has begun was not refused; the next one shows it, as under thinking"
    return ""


# ---------------------------------------------------------------- what is to become of them

SILENCE_MS = 2500
"""A turn is not silent for longer before the caller hears something."""
_TICKS_MS = 100
"""The test's own clock may be late."""
_TRANSCRIBER_FAILED = "pipeline-error-openai-transcriber-failed"
_MODEL_FAILED = "pipeline-error-openai-llm-failed"
_FAILED = {
    STREAMING_STT: ("pipeline-error-deepgram-transcriber-failed",),
    SEGMENT_STT: (_TRANSCRIBER_FAILED,),
    LLM: (_MODEL_FAILED,),
    HTTP_TTS: ("pipeline-error-openai-voice-failed",),
    WEB_SOCKET_TTS: ("pipeline-error-eleven-labs-voice-failed",),
    SPEECH_TO_SPEECH: (_TRANSCRIBER_FAILED, _MODEL_FAILED),
}
"""A session is lost by whoever needs it first."""
_OF_MODEL = {
    Kind.UNAUTHORIZED: "pipeline-error-openai-401-unauthorized",
    Kind.RATE_LIMITED: "pipeline-error-openai-429-exceeded-quota",
}
_AT_START = {Kind.REFUSE, *STATUS} - {Kind.HANG_AT_CONNECT}
_NO_SESSION = {*_AT_START, Kind.HANG_AT_CONNECT, Kind.SLOW, Kind.GARBAGE}


def expected(case: Case) -> tuple[str, ...]:
    """endedReasons that the call may have; `GOES_ON`, or `REFUSED` when it is not taken."""
    kind, fault = case.kind, case.fault
    if case.stand_in or _is_borne(kind, fault):
        return (GOES_ON,)
    if case.moment is Moment.CALL_STARTS and kind is STREAMING_STT and fault in _AT_START:
        return (REFUSED,)
    if case.moment is Moment.CALL_STARTS and kind is SPEECH_TO_SPEECH and fault in _NO_SESSION:
        # What refuses, refuses the call; what does not answer at all fails when the call is up already.
        return (REFUSED, _TRANSCRIBER_FAILED)
    if kind is SPEECH_TO_SPEECH and fault in _OF_MODEL:
        return (*_FAILED[kind], _OF_MODEL[fault])
    return (_OF_MODEL[fault],) if kind is LLM and fault in _OF_MODEL else _FAILED[kind]


def _is_borne(kind: ProviderKind, fault: Kind) -> bool:
    """Whether a provider that stands alone goes on with this."""
    if fault is Kind.SLOW:
        return kind not in (STREAMING_STT, SPEECH_TO_SPEECH)  # their messages come later and later
    if fault is Kind.DUPLICATE:
        return kind is not SEGMENT_STT  # an answer that is there twice is no JSON
    if fault is Kind.ZERO_AUDIO:
        return kind is SPEECH_TO_SPEECH  # the voice says its text
    return fault is Kind.OUT_OF_ORDER


def limit(case: Case) -> str:
    """What is known not to hold, so that only the end of the call is looked at; empty where all holds."""
    if case.kind is STREAMING_STT and case.fault is Kind.OUT_OF_ORDER:
        return "a result of Deepgram that is late belongs to the next turn, or is lost: they are taken in their order"
    if case.kind is SPEECH_TO_SPEECH and case.stand_in and case.moment is Moment.AGENT_SPEAKS:
        return "the record of an answer that three stages end for a session leaves out words that were heard"
    if case.kind is SPEECH_TO_SPEECH and case.stand_in and case.fault is Kind.DUPLICATE:
        return "a stand-in that is asked because the session is late may say what the session said, too"
    return ""


def verdict(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with an outcome; nothing when it is as it is to be."""
    wanted, reason = expected(case), outcome.reason
    problems = [] if limit(case) else list(outcome.problems)
    if (REFUSED if reason.startswith(f"{REFUSED}:") else reason) not in wanted:
        became = f"ended: {reason}" if reason else "went on"
        problems.append(f"{became}, expected {' or '.join(wanted) or 'to go on'}")
    silence = max(outcome.silence_ms, default=0)
    if silence > SILENCE_MS + _TICKS_MS and not limit(case):
        problems.append(f"silent for {silence} ms")
    return problems
