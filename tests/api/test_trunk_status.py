"""GET /credential/{id}/status."""

from __future__ import annotations

from gateway.plane.v1.plane_pb2 import TrunkStatus
from tests.api.house import House

TRUNK = {"provider": "byo-sip-trunk", "name": "carrier", "gateways": [{"ip": "203.0.113.5"}]}


async def test_a_trunk_is_told_as_each_gateway_sees_it(api: House) -> None:
    made = (await api.client.post("/credential", json=TRUNK)).json()["id"]
    assert (await api.client.get(f"/credential/{made}/status")).json() == {"gateways": []}
    api.plane.statuses[made] = {
        "g2": TrunkStatus(condition="unreachable", since_ms=1_000, last_error="Nobody answers.", error_at_ms=2_500),
        "g1": TrunkStatus(condition="registered", since_ms=0),
    }
    assert (await api.client.get(f"/credential/{made}/status")).json() == {
        "gateways": [
            {"gateway": "g1", "status": "registered", "since": "1970-01-01T00:00:00.000Z"},
            {
                "gateway": "g2",
                "status": "unreachable",
                "since": "1970-01-01T00:00:01.000Z",
                "lastError": "Nobody answers.",
                "lastErrorAt": "1970-01-01T00:00:02.500Z",
            },
        ]
    }


async def test_nobody_else_learns_how_a_trunk_does(api: House) -> None:
    made = (await api.client.post("/credential", json=TRUNK)).json()["id"]
    assert (await api.stranger.get(f"/credential/{made}/status")).status_code == 404
    assert (await api.nobody.get(f"/credential/{made}/status")).status_code == 401


async def test_only_a_trunk_has_a_status(api: House) -> None:
    made = (await api.client.post("/credential", json={"provider": "openai", "apiKey": "k"})).json()["id"]
    answer = await api.client.get(f"/credential/{made}/status")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        ["provider must be byo-sip-trunk: only a trunk has a status"],
    )
