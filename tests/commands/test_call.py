"""What `parley call` prints and how it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.call.leg import MediaStatistics
from gateway.commands import call as command
from gateway.errors import LegError
from gateway.sip.softphone import SoftphoneCall, SoftphoneResult
from gateway.sip.softphone_script import Said

RESULT = SoftphoneResult(
    answered=True,
    status=200,
    reason="OK",
    by_remote=True,
    duration_ms=12_340,
    codec="PCMU",
    said=(Said(0, 3_000, 4_000, 4_480), Said(1, 8_000, 9_000)),
    statistics=MediaStatistics("PCMU", 617, 610, 2, 0, 1.25, 0.5),
    text="Hello.\nGoodbye!",
)


def place(monkeypatch: pytest.MonkeyPatch, result: SoftphoneResult) -> list[SoftphoneCall]:
    """Stand in for the network; gives the calls that were placed."""
    placed = []

    async def place_call(call: SoftphoneCall, *, transcribe: object) -> SoftphoneResult:
        placed.append(call)
        return result

    monkeypatch.setattr(command, "place_call", place_call)
    return placed


def test_the_report_tells_length_answers_packets_and_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call = SoftphoneCall("sip:demo@127.0.0.1", record=Path("answer.wav"))
    place(monkeypatch, RESULT)
    command.run(call, say=[], transcribe=True, verbose=False)
    assert capsys.readouterr().out.splitlines() == [
        "12.3 s with PCMU, ended by the other side (200 OK)",
        "line 1 at 3.00 s: answered after 480 ms",
        "line 2 at 8.00 s: not answered",
        "617 packets received, 2 lost, jitter 1.2 ms",
        "recorded answer.wav",
        "",
        "Hello.",
        "Goodbye!",
    ]


def test_a_call_that_is_not_answered_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = SoftphoneResult(
        answered=False,
        status=503,
        reason="Service Unavailable",
        by_remote=True,
        duration_ms=0,
        codec="",
        said=(),
        statistics=None,
        text=None,
    )
    place(monkeypatch, refused)
    with pytest.raises(LegError, match=r"sip:demo@127\.0\.0\.1 did not answer: 503 Service Unavailable"):
        command.run(SoftphoneCall("sip:demo@127.0.0.1"), say=[], transcribe=False, verbose=False)


@pytest.mark.models
def test_texts_are_said_after_the_files_by_the_embedded_voice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    placed = place(monkeypatch, RESULT)
    first = tmp_path / "first.wav"
    command.run(SoftphoneCall("sip:a@127.0.0.1", play=[first]), say=["Hello there."], transcribe=False, verbose=False)
    (call,) = placed
    assert call.play[0] == first
    assert len(call.play) == 2
