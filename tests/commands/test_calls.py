"""Listing calls, and the timeline of one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.call.calls import Calls
from gateway.call.costs import breakdown_of, costs_of
from gateway.call.leg import Direction
from gateway.call.media import Media
from gateway.call.prices import PriceBook
from gateway.call.record import CallRecord, Latency, Pause, ToolCall, Turn
from gateway.commands.calls import list_calls, show
from gateway.conversation.commands import GiveVerdict
from gateway.conversation.events import PauseNoticed, PlayoutReported, PlayoutState, SpeechStarted, Transcribed
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step
from gateway.errors import ParleyError
from gateway.providers.usage import Usage
from gateway.settings import Settings

STARTED = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def record(call_id: str = "c-1", **changes: object) -> CallRecord:
    """A call of 75 s."""
    values: dict[str, object] = {
        "id": call_id,
        "direction": Direction.INBOUND,
        "caller": "sip:alice@127.0.0.1",
        "called": "sip:demo@127.0.0.1",
        "assistant": "demo",
        "started_at": STARTED,
        "answered_at": STARTED,
        "ended_at": STARTED + timedelta(seconds=75),
        "duration_ms": 75_000,
        "end_reason": "customer-ended-call",
    }
    return CallRecord.model_validate(values | changes)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    Calls(tmp_path).prepare()
    return Settings(data_dir=tmp_path)


def write(settings: Settings, *records: CallRecord) -> None:
    for one in records:
        Calls(settings.data_dir).write(one)


def test_calls_are_listed_with_length_and_end(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(settings, record(turns=[Turn(at_ms=0, role="agent", text="Hello")]), record("c-2", duration_ms=None))
    list_calls(settings, limit=10)
    lines = capsys.readouterr().out.splitlines()
    first = next(line for line in lines if "c-1" in line)
    assert first.split()[-4:] == ["demo", "1:15", "1", "customer-ended-call"]
    assert "not answered" in next(line for line in lines if "c-2" in line)


def test_no_more_than_asked_are_listed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(settings, *(record(f"c-{number}") for number in range(5)))
    list_calls(settings, limit=2)
    assert capsys.readouterr().out.count("customer-ended-call") == 2


def test_the_timeline_is_in_the_order_of_the_call(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        settings,
        record(
            turns=[
                Turn(at_ms=20, role="agent", text="Hello, how are you?", heard="Hello", interrupted=True),
                Turn(at_ms=5_000, role="caller", text="Where is my order?"),
            ],
            tool_calls=[
                ToolCall(at_ms=5_500, id="t", name="lookup", arguments={"n": "1"}, result="Shipped.", duration_ms=80)
            ],
            pauses=[Pause(at_ms=900, onset_ms=860, pause=1, utterance=1, position=7000, decision="cut", reason="x")],
            latency=[
                Latency(
                    turn=1,
                    speech_end_ms=4_900,
                    jitter_buffer=25,
                    endpointing=400,
                    transcriber=100,
                    model=5,
                    voice=50,
                    playout=20,
                    total=600,
                )
            ],
            notes=[{"at_ms": 6_000, "text": "resumed"}],
        ),
    )
    show(settings, "c-1")
    out = capsys.readouterr().out
    moments = [
        "0.02 s",
        "the caller heard: Hello",
        "0.90 s",
        "turn 1 answered after 600 ms",
        "Where is my order?",
        "lookup {'n': '1'} → Shipped. (80 ms)",
        "text resumed",
        "jitter buffer 25 + endpointing 400* + transcriber 100 + model 5 + voice 50 + playout 20",
    ]
    assert [out.index(moment) for moment in moments] == sorted(out.index(moment) for moment in moments)


def test_media_figures_and_the_recording_are_shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    media = Media(
        codec="PCMU",
        packets_received=500,
        packets_sent=490,
        packets_lost=2,
        packets_lost_remote=1,
        jitter_ms=3.25,
        round_trip_ms=40,
        loss_percent=0.4,
        jitter_max_ms=9,
        mos=4.2,
    )
    write(settings, record(media=media, recording="c-1.wav", underruns=1, underrun_ms=60))
    show(settings, "c-1")
    out = capsys.readouterr().out
    assert f"recording: {settings.data_dir}/calls/c-1.wav" in out
    assert "PCMU: 500 packets received, 2 lost, jitter 3.2 ms, round trip 40 ms\n" in out
    assert "490 packets sent, 1 lost; 1 underruns of 60 ms\n" in out
    assert "heard here: MOS 4.2, loss 0.4 %, jitter at most 9.0 ms\n" in out
    assert "heard there" not in out


def test_what_a_caller_said_is_never_taken_as_markup(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(settings, record(turns=[Turn(at_ms=0, role="caller", text="[red]stop[/red] [/nonsense]")]))
    show(settings, "c-1")
    assert "[red]stop[/red] [/nonsense]" in capsys.readouterr().out


def test_the_beginning_of_an_id_is_enough_when_it_is_unique(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    write(settings, record("abc-1"), record("abd-2"))
    show(settings, "abd")
    assert "abd-2" in capsys.readouterr().out
    with pytest.raises(ParleyError, match="2 calls begin with ab: abc-1, abd-2"):
        show(settings, "ab")


def test_an_id_in_full_wins_over_longer_ones(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(settings, record("a"), record("ab"))
    show(settings, "a")
    assert capsys.readouterr().out.startswith("a: inbound call")


def test_a_pause_is_explained_with_what_was_known(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"at_ms": 900, "onset_ms": 860, "utterance": 1, "position": 7000}
    pauses = [
        Pause.model_validate({**values, "pause": 1, "decision": "resume", "reason": "backchannel", "decided_ms": 1210}),
        Pause.model_validate({**values, "at_ms": 5000, "pause": 2}),
    ]
    write(settings, record(pauses=pauses))
    steps = [
        Step(PauseNoticed(905, 1, 860, 1, 7000, 1360)),
        Step(SpeechStarted(950, 870)),
        Step(PlayoutReported(960, 1, 7000, PlayoutState.PAUSED)),
        Step(Transcribed(1205, 1, "okay"), (GiveVerdict(1, False, "backchannel"),)),
    ]
    Calls(settings.data_dir).events_path("c-1").write_text(Recording(TurnPlan(), steps=steps).lines())
    show(settings, "c-1")
    out = capsys.readouterr().out
    assert "resume 310 ms later, backchannel (the caller only acknowledged)" in out
    assert 'known by then: speech since 0.87 s, "okay"\n' in out
    assert "never decided" in out


def test_what_it_cost_is_shown_row_by_row(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    usages = [
        Usage("model", "openai", "gpt-4.1-mini", prompt_tokens=900, cached_prompt_tokens=300, completion_tokens=70),
        Usage("voice", "cartesia", "sonic-3", characters=321),
    ]
    costs = costs_of(usages, Decimal(75), None, PriceBook())
    breakdown = breakdown_of(costs)
    write(settings, record(costs=costs, cost_breakdown=breakdown, cost=breakdown.total))
    show(settings, "c-1")
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    rows = [[word.strip() for word in line if word.strip()] for line in lines]
    assert ["model openai gpt-4.1-mini", "900 + 70 tokens (300 cached)", "$0.000382"] in rows
    assert ["voice cartesia sonic-3", "321 characters", "price not known"] in rows
    assert ["cost", "$0.000382, and 1 without a known price"] in rows


def test_json_is_the_record_with_its_figures(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(settings, record(latency=[Latency(turn=1, endpointing=400, voice=100, playout=20, total=520)]))
    show(settings, "c-1", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["id"] == "c-1"
    assert data["latency_summary"]["ms"]["total"] == {"p50": 520, "p95": 520}
    assert data["latency_summary"]["largest"] == {"endpointing": 1}
