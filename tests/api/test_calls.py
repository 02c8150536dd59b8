from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.media.recorder import wav_header
from gateway.store.calls import Calls
from gateway.store.events import NewEvent, append_events
from tests.api.house import BASE, House

CALL = {"assistantId": "a", "customer": {"number": "+14155552671"}}
SOUND = np.zeros((800, 2), dtype="<i2")


async def kept(api: House, **fields: Any) -> str:
    """A call of the store; returns its id."""
    body = {"type": "outboundPhoneCall", "status": "ended", **fields}
    async with api.context.database.transaction() as session:
        row = await Calls(session, api.organisation_id).create(body)
        event = NewEvent(row.id, 1, 0, 1_700_000_000_000, "call", '{"caller": "1"}')
        await append_events(session, api.organisation_id, [event])
    return row.id


def recorded(api: House, call_id: str) -> Path:
    path = api.context.settings.data_dir / "calls" / f"{call_id}.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(wav_header(SOUND.nbytes) + SOUND.tobytes())
    return path


async def test_a_request_for_a_call_goes_to_the_gateways(api: House) -> None:
    api.plane.answer = {"id": "c1", "status": "queued"}
    made = await api.client.post("/call", json=CALL, headers={"Idempotency-Key": "once"})
    assert (made.status_code, made.json()) == (201, {"id": "c1", "status": "queued"})
    holder, body, key, web = api.plane.asked[0]
    assert (holder.organisation_id, body, key, web) == (api.organisation_id, CALL, "once", False)
    assert (await api.client.post("/call/phone", json=CALL)).status_code == 201


async def test_a_public_key_may_start_calls_of_browsers_only(api: House) -> None:
    api.plane.answer = {"id": "c1"}
    assert (await api.public.post("/call/web", json={"assistantId": "a"})).status_code == 201
    assert api.plane.asked[0][3] is True
    assert (await api.public.post("/call", json=CALL)).status_code == 403
    assert (await api.nobody.post("/call/web", json={})).status_code == 401


async def test_a_public_key_changes_nothing_of_an_assistant_but_its_variables(api: House) -> None:
    api.plane.answer = {"id": "c1"}
    overrides = {"model": {"provider": "custom-llm", "url": "https://thief.example"}, "variableValues": {"shop": "A"}}
    customer = {"name": "Ann", "assistantOverrides": overrides}
    body = {"assistantId": "a", "assistantOverrides": overrides, "customer": customer}
    assert (await api.public.post("/call/web", json=body)).status_code == 201
    assert api.plane.asked[0][1] == {
        "assistantId": "a",
        "assistantOverrides": {"variableValues": {"shop": "A"}},
        "customer": {"name": "Ann"},
    }
    assert (await api.public.post("/call/web", json={"assistant": {"name": "own"}})).status_code == 400
    assert (await api.client.post("/call/web", json={"assistant": {"name": "own"}})).status_code == 201


async def test_a_wrong_request_reaches_no_gateway(api: House) -> None:
    for body, problem in (
        ({**CALL, "customer": {"number": "4155552671"}}, "customer.number must be a telephone number"),
        ({"customers": [{"sipUri": 7}]}, "customers.0.sipUri must be a string"),
        ({"customers": [{"number": "+1"}]}, "customers.0.number must have 3 to 40 characters"),
        ({**CALL, "name": "x" * 41}, "name must be shorter"),
        ({**CALL, "schedulePlan": {}}, "schedulePlan.earliestAt is required"),
    ):
        refused = await api.client.post("/call", json=body)
        assert (refused.status_code, refused.json()["message"][0][: len(problem)]) == (400, problem)
    assert api.plane.asked == []


@pytest.mark.both_databases
async def test_calls_are_listed_by_assistant_and_number(api: House) -> None:
    first = await kept(api, assistantId="a1", phoneNumberId="p1")
    second = await kept(api, assistantId="a2")
    assert [call["id"] for call in (await api.client.get("/call")).json()] == [second, first]
    for query in (f"id={first}", "assistantId=a1", "phoneNumberId=p1", "assistantId=a1&limit=1"):
        assert [call["id"] for call in (await api.client.get(f"/call?{query}")).json()] == [first], query
    page = (await api.client.get("/v2/call?limit=1&sortOrder=ASC")).json()
    assert ([call["id"] for call in page["results"]], page["metadata"]["totalItems"]) == ([first], 2)
    assert (await api.stranger.get("/call")).json() == []
    assert (await api.stranger.get(f"/call/{first}")).status_code == 404


async def test_only_the_name_of_a_call_changes(api: House) -> None:
    one = f"/call/{await kept(api)}"
    assert (await api.client.patch(one, json={"name": "First"})).json()["name"] == "First"
    refused = await api.client.patch(one, json={"status": "queued"})
    assert (refused.status_code, refused.json()["message"]) == (400, ["property status should not exist"])


@pytest.mark.both_databases
async def test_a_call_that_goes_on_is_ended_and_one_that_has_ended_is_deleted(api: House) -> None:
    live = await kept(api, status="in-progress")
    ended, other = await kept(api), await kept(api)
    recording = recorded(api, ended)
    assert (await api.client.delete(f"/call/{live}")).json()["id"] == live
    assert api.plane.ended == [live]
    assert (await api.client.get(f"/call/{live}")).status_code == 200

    deleted = await api.client.request("DELETE", f"/call/{ended}", json={"ids": [ended, other]})
    assert deleted.json()["id"] == ended
    assert [(await api.client.get(f"/call/{id_}")).status_code for id_ in (ended, other)] == [404, 404]
    assert not recording.exists()


@pytest.mark.parametrize("side", ["mono", "stereo", "customer", "assistant"])
async def test_a_recording_is_for_keys_of_the_organisation_and_signed_urls(api: House, side: str) -> None:
    id_ = await kept(api)
    path = f"/call/{id_}/{side}-recording"
    assert (await api.client.get(path)).status_code == 404
    recorded(api, id_)
    sent = await api.client.get(path)
    assert (sent.status_code, sent.headers["Content-Type"]) == (200, "audio/wav")
    assert len(sent.content) == int(sent.headers["Content-Length"]) == 44 + 800 * (4 if side == "stereo" else 2)
    part = await api.client.get(path, headers={"Range": "bytes=44-47"})
    assert (part.status_code, part.content) == (206, bytes(4))
    assert part.headers["Content-Range"] == f"bytes 44-47/{len(sent.content)}"
    assert (await api.client.get(path, headers={"Range": "bytes=99999999-"})).status_code == 416
    assert (await api.nobody.get(api.context.signer.signed_url(path))).content == sent.content
    assert (await api.nobody.get(path)).status_code == 401
    assert (await api.public.get(path)).status_code == 403
    assert (await api.stranger.get(path)).status_code == 404


async def test_urls_in_an_answer_are_new(api: House) -> None:
    old = f"{BASE}/call/x/mono-recording?expires=1&signature=old"
    elsewhere = "https://elsewhere.example/mono.wav"
    artifact = {"recordingUrl": old, "recording": {"mono": {"combinedUrl": old}, "stereoUrl": elsewhere}}
    call = (await api.client.get(f"/call/{await kept(api, artifact=artifact)}")).json()
    for url in (call["artifact"]["recordingUrl"], call["artifact"]["recording"]["mono"]["combinedUrl"]):
        assert url.startswith(f"{BASE}/call/x/mono-recording?expires=")
        assert url != old
    assert call["artifact"]["recording"]["stereoUrl"] == elsewhere


async def test_the_log_of_a_call_is_its_events(api: House) -> None:
    id_ = await kept(api)
    log = await api.client.get(f"/call/{id_}/call-logs")
    assert log.text == '{"time": 1700000000000, "at": 0, "sequence": 1, "kind": "call", "data": {"caller": "1"}}\n'


async def test_the_capture_of_a_call_is_sent_whole_and_in_part(api: House) -> None:
    id_ = await kept(api)
    missing = await api.client.get(f"/call/{id_}/pcap")
    assert (missing.status_code, missing.json()["message"]) == (
        404,
        f"There is no capture of call '{id_}' on this machine.",
    )
    path = api.context.settings.data_dir / "calls" / f"{id_}.pcapng"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"0123456789")
    whole = await api.client.get(f"/call/{id_}/pcap")
    assert (whole.content, whole.headers["content-type"]) == (b"0123456789", "application/vnd.tcpdump.pcap")
    part = await api.client.get(f"/call/{id_}/pcap", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
