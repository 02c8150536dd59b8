import json
import re
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from gateway.api.border import JSON_BYTES
from tests.api.house import House


@pytest.mark.parametrize("path", ["/nowhere", "/assistant/x/y", "/assistants"])
async def test_an_unknown_path_is_refused_in_shape(api: House, path: str) -> None:
    refused = await api.client.get(path)
    assert refused.json() == {"message": f"Cannot GET {path}", "error": "Not Found", "statusCode": 404}


async def test_a_method_that_is_not_there(api: House) -> None:
    refused = await api.client.put("/assistant", json={})
    assert (refused.status_code, refused.json()["error"]) == (405, "Method Not Allowed")
    assert set(refused.headers["Allow"].split(", ")) & {"GET", "POST"}


async def test_a_body_that_is_no_json(api: House) -> None:
    for raw in (b"{", b"[1]", b'"text"', b"\xff", b'{"name": NaN}'):
        refused = await api.client.post("/assistant", content=raw, headers={"Content-Type": "application/json"})
        assert (refused.status_code, refused.json()["statusCode"]) == (400, 400), raw
    refused = await api.client.post("/assistant", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert (refused.status_code, refused.json()["error"]) == (415, "Unsupported Media Type")


async def test_a_body_that_is_too_long(api: House) -> None:
    long = b'{"name": "' + b"x" * JSON_BYTES + b'"}'
    announced = await api.client.post("/assistant", content=long)
    assert (announced.status_code, announced.json()["statusCode"]) == (413, 413)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(long), 1_000_000):
            yield long[start : start + 1_000_000]

    streamed = await api.client.post("/assistant", content=chunks(), headers={"Content-Type": "application/json"})
    assert streamed.status_code == 413


async def test_every_answer_has_an_id_that_the_client_may_choose(api: House) -> None:
    chosen = await api.client.get("/healthz", headers={"X-Request-Id": "mine-1"})
    assert chosen.headers["X-Request-Id"] == "mine-1"
    own = await api.client.get("/healthz", headers={"X-Request-Id": "two words"})
    assert len(own.headers["X-Request-Id"]) == 36


async def test_a_fault_is_logged_and_told_without_a_trace(api: House) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret inside")

    api.plane.create_calls = broken  # type: ignore[assignment,method-assign]
    with capture_logs() as logs:
        failed = await api.client.post("/call", json={"assistantId": "a", "customer": {"sipUri": "sip:a@b"}})
    assert failed.status_code == 500
    assert failed.json()["error"] == "Internal Server Error"
    assert failed.headers["X-Request-Id"] in failed.json()["message"]
    assert "secret" not in failed.text
    assert [(line["event"], line["log_level"]) for line in logs if line["log_level"] == "error"] == [
        ("request failed", "error")
    ]


async def test_operators_need_no_key(api: House) -> None:
    assert (await api.nobody.get("/healthz")).json() == {"status": "alive"}
    assert (await api.nobody.get("/readyz")).json() == {"status": "ready", "gatewayAttached": True}
    await api.client.get("/assistant/unknown")
    metrics = (await api.nobody.get("/metrics")).text
    assert 'parley_api_requests_total{method="GET",route="/assistant/{id}",status="404"}' in metrics


async def test_the_description_covers_every_operation(api: House) -> None:
    described = (await api.nobody.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.")
    create = described["paths"]["/tool"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"]["properties"]["type"]
    references = {part.split('"')[0] for part in json.dumps(described).split('"#/components/schemas/')[1:]}
    assert references <= set(described["components"]["schemas"])
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


async def test_lists_of_what_is_not_offered_are_empty(api: House) -> None:
    for path in ("/v2/knowledge-base", "/eval/simulation", "/eval/simulation/personality", "/workflow"):
        assert (await api.client.get(path)).json() == [], path
    for path in ("/eval", "/eval/run", "/reporting/insight", "/provider/11labs/voice"):
        page = (await api.client.get(path)).json()
        assert (page["results"], page["metadata"]["totalItems"]) == ([], 0), path
    assert (await api.client.get("/eval/abc")).status_code == 404
    made = await api.client.post("/eval", json={})
    assert (made.status_code, made.json()["message"]) == (400, "This server has no evals.")
    assert (await api.nobody.get("/eval")).status_code == 401


async def test_the_reference_page_has_nothing_from_elsewhere(api: House) -> None:
    page = await api.nobody.get("/reference")
    assert page.headers["Content-Type"].startswith("text/html")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 3
    for file in files:
        assert (await api.nobody.get(f"/{file}")).status_code == 200, file
        assert "//" not in file
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
