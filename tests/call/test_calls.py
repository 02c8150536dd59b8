from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.call import endings
from gateway.call.calls import Calls
from gateway.call.journal import Journal
from gateway.errors import ParleyError
from tests.call.disk_double import NowDisk
from tests.call.test_record import CALL, ENDED


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    calls = Calls(tmp_path)
    calls.prepare()
    return calls


def journal(calls: Calls, call_id: str, *, ended: bool = True) -> Journal:
    journal = Journal(calls.journal_path(call_id), NowDisk())
    journal.append(0, "call", {**CALL.data, "id": call_id})
    if ended:
        journal.append(10, "ended", ENDED)
    return journal


def test_a_finished_call_is_a_record_and_no_journal(calls: Calls) -> None:
    calls.finish(journal(calls, "c1"))
    assert calls.get("c1").end_reason == endings.CUSTOMER_ENDED
    assert [path.name for path in calls.directory.iterdir()] == ["c1.json"]


def test_the_newest_comes_first(calls: Calls) -> None:
    for age, call_id in enumerate(("new", "middle", "old")):
        calls.finish(journal(calls, call_id))
        os.utime(calls.directory / f"{call_id}.json", (1000 - age, 1000 - age))
    assert [record.id for record in calls.newest(2)] == ["new", "middle"]


def test_a_damaged_record_is_left_out_of_the_list_and_named_when_asked_for(calls: Calls) -> None:
    calls.finish(journal(calls, "c1"))
    (calls.directory / "c2.json").write_text("{")
    assert [record.id for record in calls.newest()] == ["c1"]
    with pytest.raises(ParleyError, match=r"c2\.json is damaged"):
        calls.get("c2")


def test_a_running_call_shows_what_is_known_so_far(calls: Calls) -> None:
    journal(calls, "c1", ended=False)
    record = calls.get("c1")
    assert (record.caller, record.end_reason) == ("sip:alice@h", "")


@pytest.mark.parametrize("call_id", ["nothing", "../etc/passwd", "", "a/b"])
def test_a_call_that_is_not_there_is_one_sentence(calls: Calls, call_id: str) -> None:
    with pytest.raises(ParleyError, match="parley calls"):
        calls.get(call_id)


def test_what_a_dead_gateway_left_behind_becomes_a_record(calls: Calls) -> None:
    journal(calls, "c1", ended=False)
    calls.recording_path("c1").touch()
    calls.events_path("c1").touch()
    calls.journal_path("c2").write_text("torn")
    (adopted,) = calls.adopt_orphans()
    assert (adopted.id, adopted.end_reason) == ("c1", endings.GATEWAY_DIED)
    assert (adopted.recording, adopted.events) == ("c1.wav", "c1.events.jsonl")
    assert calls.get("c1") == adopted
    assert not list(calls.directory.glob("*.journal"))
    assert calls.adopt_orphans() == []


def test_a_journal_whose_record_was_written_is_only_removed(calls: Calls) -> None:
    calls.finish(journal(calls, "c1"))
    journal(calls, "c1", ended=False)
    assert calls.adopt_orphans() == []
    assert calls.get("c1").end_reason == endings.CUSTOMER_ENDED


def test_a_data_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ParleyError, match="choose another data_dir"):
        Calls(tmp_path / "file").prepare()
