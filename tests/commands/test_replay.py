from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.assistant.assistant import Assistant
from gateway.call.calls import Calls
from gateway.call.record import CallRecord
from gateway.cli import app
from gateway.commands.replay import ReplayOptions, run
from gateway.conversation.recording import Step, read_recordings
from gateway.conversation.replay import replay
from gateway.errors import ConfigError, ParleyError, RecordingError
from gateway.settings import Settings
from tests.conversation.test_replay import one_turn

CALL = "0a1b-call"
PATIENT = Assistant.model_validate(
    {"model": {"provider": "none"}, "startSpeakingPlan": {"waitSeconds": 0.8}, "stopSpeakingPlan": {}}
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose data directory holds one recorded call."""
    calls = Calls(tmp_path)
    calls.prepare()
    started = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    values = {"direction": "inbound", "caller": "a", "called": "b", "assistant": "demo", "started_at": started}
    calls.write(CallRecord.model_validate({"id": CALL, **values}))
    calls.events_path(CALL).write_text(one_turn().lines())
    return Settings(data_dir=tmp_path, assistants={"patient": PATIENT})


def test_a_call_that_is_decided_as_it_was_is_one_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "0a1b", ReplayOptions()) == 0
    assert capsys.readouterr().out == "8 events, 4 decisions, no difference\n"


def test_another_assistant_decides_otherwise_and_both_are_shown(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(settings, CALL, ReplayOptions(assistant="patient")) == 1
    out = capsys.readouterr().out
    assert "decided then" in out
    rows = {line.split()[0] for line in out.splitlines() if line[:1].isdigit()}
    assert {"2400", "2800"} <= rows
    assert "moments decided otherwise, the first at 2400 ms" in out


def test_a_file_of_settings_is_an_assistant(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "patient.yaml"
    file.write_text("startSpeakingPlan: {waitSeconds: 0.8}")
    assert run(settings, CALL, ReplayOptions(assistant=str(file))) == 1
    file.write_text("startSpeakingPlan: {waitSeconds: soon}")
    with pytest.raises(ConfigError, match=r"patient\.yaml:1: startSpeakingPlan.waitSeconds: expected a number"):
        run(settings, CALL, ReplayOptions(assistant=str(file)))
    with pytest.raises(ParleyError, match="the settings have: patient"):
        run(settings, CALL, ReplayOptions(assistant="nobody"))


def test_the_timeline_tells_what_was_decided_when(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(settings, CALL, ReplayOptions(timeline=True))
    lines = capsys.readouterr().out.splitlines()
    assert "    1000 ms  SpeechStarted onset_ms 1000  [listening]" in lines
    assert any(line.startswith("             → CommitTurn turn 1, text") for line in lines)


def test_a_difference_is_marked_in_the_timeline(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(settings, CALL, ReplayOptions(assistant="patient", timeline=True))
    marks = [line.split()[:2] for line in capsys.readouterr().out.splitlines() if line.split()[0] in "-+"]
    assert marks == [["-", "CommitTurn"], ["-", "CommitReply"], ["+", "CommitTurn"], ["+", "CommitReply"]]


def test_json_has_the_differences(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, CALL, ReplayOptions(assistant="patient", as_json=True)) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["decisions"], data["differences"]) == (4, 2)
    assert [step["at_ms"] for step in data["steps"]] == [2400, 2800]
    assert data["steps"][1]["now"][0]["command"] == "CommitTurn"


def test_a_call_becomes_a_fixture_that_passes(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slow.jsonl"
    assert run(settings, CALL, ReplayOptions(fixture=str(path))) == 0
    assert read_recordings(path.read_text().splitlines()) == [one_turn()]
    assert f"Written to {path}: 8 events" in capsys.readouterr().out


def test_a_fixture_keeps_the_decisions_of_today(settings: Settings, tmp_path: Path) -> None:
    stale = one_turn()
    stale.steps = [Step(step.event, (), step.deadline) for step in stale.steps]
    Calls(settings.data_dir).events_path(CALL).write_text(stale.lines())
    assert run(settings, CALL, ReplayOptions()) == 1
    path = tmp_path / "renewed.jsonl"
    run(settings, CALL, ReplayOptions(fixture=str(path)))
    assert run(settings, str(path), ReplayOptions()) == 0


def test_an_anonymous_fixture_says_which_words_stayed(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "veiled.jsonl"
    run(settings, CALL, ReplayOptions(fixture=str(path), anonymous=True))
    assert "opening" not in path.read_text()
    assert "Words that stayed" in capsys.readouterr().out
    (recording,) = read_recordings(path.read_text().splitlines())
    assert not [step for step in replay(recording) if step.differs]


def test_in_a_checkout_a_fixture_needs_only_a_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordingError, match=r"give a path, such as --fixture \./slow\.jsonl"):
        run(settings, CALL, ReplayOptions(fixture="slow"))
    folder = tmp_path / "tests" / "conversation" / "recordings"
    folder.mkdir(parents=True)
    run(settings, CALL, ReplayOptions(fixture="slow"))
    assert (folder / "slow.jsonl").exists()


def test_a_fixture_is_of_the_call_as_it_was(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="leave --assistant out"):
        run(settings, CALL, ReplayOptions(assistant="patient", fixture=str(tmp_path / "x.jsonl")))


def test_a_call_without_events_says_how_to_record_them(settings: Settings) -> None:
    Calls(settings.data_dir).events_path(CALL).unlink()
    with pytest.raises(RecordingError, match=r"set recording\.events"):
        run(settings, CALL, ReplayOptions())


def test_a_damaged_file_is_named(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("{}")
    with pytest.raises(RecordingError, match=r"x\.jsonl: The first line of the recording is not a plan"):
        run(settings, str(file), ReplayOptions())


def test_the_help_teaches() -> None:
    out = CliRunner().invoke(app, ["replay", "--help"]).output
    assert "Exits 1 where it" in " ".join(out.split())
    assert "--fixture cut-off-at-the-number --anonymous" in " ".join(out.split())
