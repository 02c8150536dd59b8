from typing import Any

import pytest

from gateway.store.entities import Entities, Kind
from tests.api.house import House

ASSISTANT = {"name": "Reception", "firstMessage": "Hello!", "model": {"provider": "openai", "model": "gpt-4o"}}
TOOL = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}},
    "server": {"url": "https://example.com"},
}
NUMBER = {"provider": "vapi", "name": "Front", "sipUri": "sip:front@example.com"}
CREDENTIAL = {"provider": "openai", "apiKey": "sk-secret", "name": "mine"}
OUTPUT = {"name": "Order", "schema": {"type": "object", "properties": {"item": {"type": "string"}}}}
RESOURCES: list[tuple[str, dict[str, Any]]] = [
    ("/assistant", ASSISTANT),
    ("/tool", TOOL),
    ("/phone-number", NUMBER),
    ("/credential", CREDENTIAL),
    ("/structured-output", OUTPUT),
    ("/squad", {"name": "Team", "members": [{"assistant": ASSISTANT}]}),
]

MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("/assistant", {**ASSISTANT, "name": "x" * 41}, "name must be shorter"),
    (
        "/assistant",
        {**ASSISTANT, "model": {"provider": "openai", "model": "gpt-4o", "toolIds": ["no"]}},
        "model.toolIds.0 ",
    ),
    ("/assistant", {**ASSISTANT, "firstMessage": 7}, "firstMessage must be a string"),
    ("/tool", {"type": "function", "function": {"name": "two words"}}, "function.name must match"),
    ("/tool", {"type": "function"}, "function is required"),
    ("/tool", {"type": "flying"}, "type must be one of"),
    ("/tool", {}, "type must be one of"),
    (
        "/tool",
        {"type": "function", "function": {"name": "f", "parameters": {"type": "nothing"}}},
        "function.parameters must be a JSON schema",
    ),
    ("/tool", {"type": "apiRequest", "method": "BREW", "url": "https://example.com"}, "method must be one of"),
    ("/phone-number", {"provider": "byo-phone-number", "number": "12"}, "number must have 3 to 40"),
    ("/phone-number", {"provider": "byo-phone-number", "number": "5551234567"}, "number must be a telephone"),
    ("/phone-number", {"provider": "vapi", "sipUri": "front"}, "sipUri must be"),
    ("/phone-number", {"provider": "vapi", "assistantId": "no"}, "assistantId names no assistant"),
    ("/phone-number", {"provider": "twilio", "number": "+14155552671"}, "provider twilio is not offered"),
    ("/credential", {"provider": "openai"}, "apiKey is required"),
    (
        "/credential",
        {"provider": "webhook", "authenticationPlan": {"type": "hmac"}},
        "authenticationPlan.secretKey is",
    ),
    ("/squad", {"members": []}, "members must contain at least 1"),
    ("/squad", {"members": [{"assistantId": "no"}]}, "members.0.assistantId names no assistant"),
    ("/squad", {"members": [{}]}, "members.0 must have an assistantId or an assistant"),
    ("/structured-output", {"name": "a"}, "schema is required"),
]


@pytest.mark.both_databases
@pytest.mark.parametrize(("path", "body"), RESOURCES)
async def test_a_life(api: House, path: str, body: dict[str, Any]) -> None:
    created = await api.client.post(path, json={**body, "x-own": {"kept": [1]}})
    assert created.status_code == 201, created.text
    made = created.json()
    assert made["x-own"] == {"kept": [1]}
    assert made["orgId"] == api.organisation_id
    assert made["createdAt"] == made["updatedAt"]
    one = f"{path}/{made['id']}"
    assert (await api.client.get(one)).json() == {name: value for name, value in made.items() if name != "warnings"}

    changed = (await api.client.patch(one, json={"name": "Other", "x-own": None})).json()
    assert changed["name"] == "Other"
    assert "x-own" not in changed
    assert changed["updatedAt"] > made["updatedAt"]

    deleted = await api.client.delete(one)
    assert deleted.status_code == 200
    assert deleted.json()["id"] == made["id"]
    gone = await api.client.get(one)
    assert (gone.status_code, gone.json()["error"], gone.json()["statusCode"]) == (404, "Not Found", 404)


@pytest.mark.both_databases
@pytest.mark.parametrize(("path", "body"), RESOURCES)
async def test_what_belongs_to_others_is_not_there(api: House, path: str, body: dict[str, Any]) -> None:
    one = f"{path}/{(await api.client.post(path, json=body)).json()['id']}"
    assert (await api.stranger.get(one)).status_code == 404
    assert (await api.stranger.patch(one, json={"name": "Mine"})).status_code == 404
    assert (await api.stranger.delete(one)).status_code == 404
    listed = (await api.stranger.get(path)).json()
    assert (listed["results"] if isinstance(listed, dict) else listed) == []
    assert (await api.client.get(one)).status_code == 200


@pytest.mark.parametrize(("path", "body"), RESOURCES)
async def test_only_a_private_key_may(api: House, path: str, body: dict[str, Any]) -> None:
    assert (await api.nobody.post(path, json=body)).status_code == 401
    refused = await api.public.post(path, json=body)
    assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden")
    unknown = await api.nobody.get(path, headers={"Authorization": "Bearer sk_unknown"})
    assert unknown.status_code == 401
    assert unknown.headers["WWW-Authenticate"] == "Bearer"


async def test_each_mistake_is_told_with_its_path(api: House) -> None:
    for path, body, problem in MISTAKES:
        refused = await api.client.post(path, json=body)
        assert refused.status_code == 400, refused.text
        told = refused.json()
        assert (told["error"], told["statusCode"]) == ("Bad Request", 400)
        messages = told["message"] if isinstance(told["message"], list) else [told["message"]]
        assert any(message.startswith(problem) for message in messages), (problem, messages)


async def test_a_tool_that_was_deleted_does_not_stop_other_changes(api: House) -> None:
    tool = (await api.client.post("/tool", json=TOOL)).json()["id"]
    model = {"provider": "openai", "model": "gpt-4o", "toolIds": [tool]}
    made = (await api.client.post("/assistant", json={**ASSISTANT, "model": model})).json()["id"]
    await api.client.delete(f"/tool/{tool}")
    assert (await api.client.patch(f"/assistant/{made}", json={"name": "New"})).status_code == 200
    assert (await api.client.patch(f"/assistant/{made}", json={"model": model})).status_code == 400


@pytest.mark.both_databases
async def test_a_secret_is_never_told_and_stays_when_it_is_not_sent(api: House) -> None:
    plan = {"type": "bearer", "token": "very-secret", "headerName": "X-Key"}
    made = (await api.client.post("/credential", json={"provider": "webhook", "authenticationPlan": plan})).json()
    assert made["authenticationPlan"] == {"type": "bearer", "headerName": "X-Key"}
    one = f"/credential/{made['id']}"
    changed = await api.client.patch(one, json={"authenticationPlan": {"type": "bearer", "headerName": "X-Token"}})
    assert changed.json()["authenticationPlan"] == {"type": "bearer", "headerName": "X-Token"}
    assert "very-secret" not in (await api.client.get(one)).text + (await api.client.get("/credential")).text
    kept = await _kept(api, made["id"])
    assert "very-secret" not in str(kept)
    assert api.context.secrets.opened(kept)["authenticationPlan"]["token"] == "very-secret"
    forged = await api.client.patch(one, json={"authenticationPlan": {"type": "bearer", "token": {"$sealed": "x"}}})
    assert forged.status_code == 400


async def _kept(api: House, id: str, kind: Kind = Kind.CREDENTIAL) -> dict[str, Any]:  # noqa: A002
    async with api.context.database.reading() as session:
        return (await Entities(session, api.organisation_id).get(kind, id)).body


@pytest.mark.both_databases
async def test_an_address_belongs_to_one_organisation(api: House) -> None:
    assert (await api.client.post("/phone-number", json=NUMBER)).status_code == 201
    taken = await api.stranger.post("/phone-number", json={"provider": "vapi", "sipUri": "SIP:Front@example.com"})
    assert (taken.status_code, taken.json()["error"]) == (409, "Conflict")


async def test_the_password_of_a_number_is_not_told(api: House) -> None:
    body = {**NUMBER, "authentication": {"username": "u" * 20, "password": "p" * 20}}
    made = await api.client.post("/phone-number", json=body)
    assert made.json()["authentication"] == {"username": "u" * 20}
    assert "warnings" not in made.json()
    assert made.json()["status"] == "active"


async def test_the_password_of_a_number_is_kept_unreadable_and_stays_when_it_is_not_sent(api: House) -> None:
    body = {**NUMBER, "authentication": {"username": "u" * 20, "password": "p" * 20}}
    one = f"/phone-number/{(await api.client.post('/phone-number', json=body)).json()['id']}"
    renamed = await api.client.patch(one, json={"name": "Back", "authentication": {"username": "v" * 20}})
    assert renamed.json()["authentication"] == {"username": "v" * 20}
    for path in (one, "/phone-number", "/v2/phone-number"):
        assert "p" * 20 not in (answer := (await api.client.get(path)).text)
        assert "$sealed" not in answer
    kept = await _kept(api, one.rpartition("/")[2], Kind.PHONE_NUMBER)
    assert "p" * 20 not in str(kept)
    assert api.context.secrets.opened(kept)["authentication"] == {"username": "v" * 20, "password": "p" * 20}
    without = await api.client.patch(one, json={"authentication": None})
    assert "authentication" not in without.json()


async def test_nobody_passes_off_a_password_as_encrypted(api: House) -> None:
    given = {"username": "u" * 20, "password": "p" * 20, "x": {"$sealed": "no"}}
    refused = await api.client.post("/phone-number", json={**NUMBER, "authentication": given})
    assert (refused.status_code, refused.json()["message"]) == (400, ["$sealed must not be a field of authentication"])


@pytest.mark.both_databases
async def test_lists_are_newest_first_and_bounded(api: House) -> None:
    ids = [(await api.client.post("/assistant", json={**ASSISTANT, "name": f"A{n}"})).json()["id"] for n in range(3)]
    listed = (await api.client.get("/assistant")).json()
    assert [one["id"] for one in listed] == ids[::-1]
    assert [one["id"] for one in (await api.client.get("/assistant?limit=2")).json()] == ids[:0:-1]
    assert (await api.client.get("/assistant?limit=0")).json() == []
    since = listed[1]["createdAt"]
    assert [one["id"] for one in (await api.client.get("/assistant", params={"createdAtGt": since})).json()] == ids[2:]
    assert len((await api.client.get("/assistant", params={"createdAtLe": since})).json()) == 2


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=1001", "limit must not be greater than 1000"),
        ("limit=-1", "limit must not be less than 0"),
        ("limit=many", "limit must be an integer"),
        ("createdAtGt=yesterday", "createdAtGt must be a valid ISO 8601 date string"),
        ("updatedAtLe=0001-01-01T00:00:00%2B14:00", "updatedAtLe must be a valid ISO 8601 date string"),
    ],
)
async def test_a_wrong_filter_is_told(api: House, query: str, problem: str) -> None:
    refused = await api.client.get(f"/assistant?{query}")
    assert (refused.status_code, refused.json()["message"]) == (400, [problem])


@pytest.mark.both_databases
async def test_pages_say_where_they_stand(api: House) -> None:
    for number in range(5):
        await api.client.post("/structured-output", json={**OUTPUT, "name": f"Order {number}"})
    page = (await api.client.get("/structured-output?limit=2&page=2&sortOrder=ASC")).json()
    assert [one["name"] for one in page["results"]] == ["Order 2", "Order 3"]
    assert page["metadata"] == {
        "itemsPerPage": 2,
        "totalItems": 5,
        "currentPage": 2,
        "totalPages": 3,
        "hasNextPage": True,
        "sortOrder": "ASC",
    }
    found = (await api.client.get("/structured-output?search=order+4")).json()
    assert [one["name"] for one in found["results"]] == ["Order 4"]


async def test_what_is_kept_without_effect_is_named(api: House) -> None:
    made = (await api.client.post("/tool", json={"type": "code", "code": "return 1"})).json()
    assert [warning["path"] for warning in made["warnings"]] == ["type"]
    assert "warnings" not in (await api.client.get(f"/tool/{made['id']}")).json()
