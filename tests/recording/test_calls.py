"""What is stored of a call's sound, from the caller to the file: the worker is real, its providers answer at once."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import soundfile

from gateway.api.recording import Side
from gateway.api.stored_recordings import StoredRecordings
from gateway.call.gateway import Gateway
from gateway.media.audio import FRAME_BYTES
from gateway.recording.packet import Address, Kind, Packet
from gateway.recording.settings import RecordingSettings
from gateway.store.calls import CallRow
from tests.call.test_with_worker import Telephone, hang_up, speech, telephone, turns
from tests.link.worker_double import until
from tests.peers.ports import free_port
from tests.recording.test_uploads import s3, upload_to

pytestmark = pytest.mark.models

MESSAGE = "This call is recorded. Do you agree?"


def consent(kind: str, **more: Any) -> dict[str, Any]:
    return {"recordingConsentPlan": {"type": kind, "message": MESSAGE, **more}}


def transcriber(*texts: str) -> dict[str, Any]:
    return {"provider": "tests.worker.fakes:ScriptedTranscriber", "texts": list(texts)}


def entries(gateway: Gateway, kind: str) -> list[dict[str, Any]]:
    (call,) = gateway.calls.values()
    return [dict(entry.data) for entry in call.journal.entries if entry.kind == kind]


def texts_under(directory: Path) -> str:
    kinds = (".json", ".jsonl", ".journal", ".log")
    return "".join(path.read_text(errors="ignore") for path in directory.rglob("*") if path.suffix in kinds)


def sound(path: Path) -> np.ndarray:
    both: np.ndarray = soundfile.read(path, dtype="int16")[0]
    return both


async def test_nothing_is_stored_before_the_caller_says_yes(tmp_path: Path) -> None:
    yes = await speech("Yes, I agree to that.")
    changes: dict[str, Any] = {"compliancePlan": consent("verbal"), "transcriber": transcriber("yes I agree")}
    async with telephone(tmp_path, **changes) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        (call,) = gateway.calls.values()
        assert not gateway.records.recording_path(call.id).exists()
        assert not gateway.records.events_path(call.id).exists()
        signal(phone, CARD)
        phone.say(yes)
        await until(lambda: entries(gateway, "recording-consent"), 15)
        consented_ms = next(
            entry.at_ms // 20 * 20 for entry in call.journal.entries if entry.kind == "recording-consent"
        )
        await until(lambda: any(turn["text"] == "Hello there." for turn in entries(gateway, "agent-turn")), 15)
        assert entries(gateway, "recording-consent") == [{"type": "verbal", "granted": True}]
        signal(phone, "7")
        record = await hang_up(phone, gateway)
    assert record.capture is not None
    captured = (gateway.records.directory / record.capture).read_bytes()
    assert CARD.encode() not in captured
    assert b"Signal=7" in captured
    assert [turn.text for turn in record.turns] == [MESSAGE, "yes I agree", "Hello there."]
    assert record.recording is not None
    both = sound(gateway.records.directory / record.recording)
    assert not both[: consented_ms * 8].any(), "neither side's sound"
    assert both[consented_ms * 8 :, 1].any(), "the greeting"
    assert record.events is not None
    events = (gateway.records.directory / record.events).read_text()
    assert "Hello there." in events
    assert "yes I agree" not in events


async def test_a_caller_who_says_no_goes_on_unrecorded(tmp_path: Path) -> None:
    no = await speech("No, I do not want that.")
    changes: dict[str, Any] = {"compliancePlan": consent("verbal"), "transcriber": transcriber("no I do not want that")}
    async with telephone(tmp_path, **changes) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(no)
        await until(lambda: any(turn["text"] == "Hello there." for turn in entries(gateway, "agent-turn")), 15)
        assert entries(gateway, "recording-consent") == [{"type": "verbal", "granted": False}]
        record = await hang_up(phone, gateway)
    assert record.recording is None
    assert record.events is None
    assert not list(gateway.records.directory.glob("*.wav")) + list(gateway.records.directory.glob("*.events.jsonl"))


async def test_a_tool_may_end_the_call_of_a_caller_who_declines(tmp_path: Path) -> None:
    no = await speech("No, I do not want that.")
    plan = consent("verbal", declineTool={"type": "endCall"})
    changes: dict[str, Any] = {"compliancePlan": plan, "transcriber": transcriber("no thank you")}
    async with telephone(tmp_path, **changes) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(no)
        await until(lambda: phone.leg.ended, 15)
        await until(lambda: list(gateway.records.newest()))
        (record,) = gateway.records.newest()
    assert record.end_reason == "assistant-ended-call"
    assert record.recording is None


async def test_who_stays_on_the_line_is_recorded_from_then_on(tmp_path: Path) -> None:
    async with telephone(tmp_path, compliancePlan=consent("stay-on-line", waitSeconds=1)) as (phone, gateway):
        await until(lambda: gateway.calls)
        (call,) = gateway.calls.values()
        await turns(gateway, 2)
        told, greeted = [entry.at_ms for entry in call.journal.entries if entry.kind == "agent-turn"]
        consented_ms = next(
            entry.at_ms // 20 * 20 for entry in call.journal.entries if entry.kind == "recording-consent"
        )
        record = await hang_up(phone, gateway)
    assert told + 900 <= consented_ms < greeted
    assert record.recording is not None
    both = sound(gateway.records.directory / record.recording)
    assert not both[: consented_ms * 8].any()
    assert both[consented_ms * 8 :, 1].any()


async def test_who_hangs_up_instead_leaves_no_sound(tmp_path: Path) -> None:
    async with telephone(tmp_path, compliancePlan=consent("stay-on-line", waitSeconds=6)) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        record = await hang_up(phone, gateway)
    assert record.recording is None
    assert not list(gateway.records.directory.glob("*.wav"))


def press(phone: Telephone, keys: str) -> None:
    assert phone.leg.listener is not None
    for key in keys:
        phone.leg.listener.on_digit(key)


CARD = "4242424242424242"


def signal(phone: Telephone, digits: str) -> None:
    """Keys that come by INFO, as the wire has them."""
    body = f"Signal={digits}\r\n"
    head = f"INFO sip:desk SIP/2.0\r\nContent-Type: application/dtmf-relay\r\nContent-Length: {len(body)}"
    near, far = Address(bytes([192, 0, 2, 1]), 5060), Address(bytes([192, 0, 2, 2]), 5060)
    assert phone.leg.sink is not None
    phone.leg.sink.take([Packet(time.time_ns(), Kind.SIP, False, near, far, f"{head}\r\n\r\n{body}".encode())])


async def test_card_data_given_during_a_pause_is_kept_nowhere(tmp_path: Path) -> None:
    card = await speech("four two four two four two four two")
    pause = {"recordingPausePlan": {"pauseKeys": "*1", "resumeKeys": "*2"}}
    changes: dict[str, Any] = {
        "compliancePlan": pause,
        "transcriber": transcriber("what was said", "it again"),
        "model": ECHO,
    }
    async with telephone(tmp_path, **changes) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        (call,) = gateway.calls.values()
        press(phone, "*1")
        paused_ms = call.now_ms
        phone.say(card)
        press(phone, CARD)
        signal(phone, CARD)
        await until(lambda: phone.quiet, 15)
        press(phone, "*2")
        resumed_ms = call.now_ms
        await until(lambda: len(entries(gateway, "utterance")) > 1, 10)
        assert "recording was paused" in entries(gateway, "utterance")[1]["text"], "the model was told"
        assert [entry["state"] for entry in entries(gateway, "recording")] == ["paused", "resumed"]
        record = await hang_up(phone, gateway)
    assert record.capture is not None
    captured = (gateway.records.directory / record.capture).read_bytes()
    assert b"INFO sip:desk" in captured
    assert CARD.encode() not in captured
    kept = texts_under(tmp_path)
    assert CARD not in kept
    assert not re.search("KeyPressed|SpeechStarted|Transcribed|caller-turn", kept)
    assert record.recording is not None
    both = sound(gateway.records.directory / record.recording)
    within = both[(paused_ms + 20) * 8 : resumed_ms * 8]
    assert len(within) >= len(card) // 2 - 320
    assert not within.any(), "silence keeps its place"


ECHO = {"provider": "tests.recording.models:LastMessage"}


async def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    plan = {"recordingPausePlan": {"maxSeconds": 1}}
    async with telephone(tmp_path, compliancePlan=plan) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        (call,) = gateway.calls.values()
        call.control({"type": "control", "control": "pause-recording"}, by="command")
        await until(lambda: len(entries(gateway, "recording")) == 2, 10)
        at = [entry.at_ms for entry in call.journal.entries if entry.kind == "recording"]
        assert [entry["by"] for entry in entries(gateway, "recording")] == ["command", "limit"]
        assert 1000 <= at[1] - at[0] <= 1040
        await hang_up(phone, gateway)


async def test_a_tool_pauses_and_the_agent_goes_on_speaking(tmp_path: Path) -> None:
    pay = await speech("I would like to pay now please.")
    model = {
        "provider": "tests.worker.fakes:EchoModel",
        "tool": "pauseRecording",
        "tools": [{"type": "pauseRecording"}],
        "reply": "{text}",
    }
    async with telephone(tmp_path, model=model, transcriber=transcriber("pauseRecording")) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(pay)
        await turns(gateway, 3)
        assert entries(gateway, "recording") == [{"state": "paused", "by": "tool"}]
        assert "is paused" in json.dumps(entries(gateway, "tool-result"))
        (call,) = gateway.calls.values()
        assert call.recording.paused
        assert len(call.backlog[-1]) == FRAME_BYTES
        await hang_up(phone, gateway)


async def test_a_sealed_recording_goes_to_its_storage_after_the_call(tmp_path: Path) -> None:
    port = free_port()
    settings = RecordingSettings(sealed=True, upload=upload_to(port))
    async with telephone(tmp_path, recording=settings) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        record = await hang_up(phone, gateway)
        assert record.recording == f"{record.id}.wav.sealed"
        assert (gateway.records.directory / record.recording).exists(), "nobody has it while the storage is away"
        with s3(port):
            await until(lambda: not list((tmp_path / "uploads").iterdir()), 20)
            assert not (gateway.records.directory / record.recording).exists()
            stored = StoredRecordings(gateway.settings)
            call = cast(CallRow, SimpleNamespace(id=record.id, ended_at=record.ended_at))
            heard = await asyncio.to_thread(lambda: b"".join(stored.found(call).read(Side.ASSISTANT, 44, 16_044)))
            assert stored.address(call) is None, "it is for those who have the key"
    assert any(heard), "the greeting"
