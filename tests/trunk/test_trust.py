"""Which trunk a request came by."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.trunk.settings import TrunkSettings
from gateway.trunk.trust import Peer, Trust

TRUNKS = [
    {"name": "a", "registrar": "192.0.2.1", "username": "100"},
    {"name": "b", "registrar": "198.51.100.1", "username": "200"},
    {
        "name": "carrier",
        "gateways": [{"host": "203.0.113.8", "netmask": 29}, {"host": "203.0.113.99", "inbound": False}],
    },
    {"name": "phone", "allow": ["10.0.0.0/8:5060/udp"]},
]


def trust(*more: dict[str, Any]) -> Trust:
    trunks = [TrunkSettings.model_validate(one) for one in (*TRUNKS, *more)]
    return Trust(trunks, lines={"secret": "b"}, resolved={"a": ["192.0.2.1"], "b": ["198.51.100.1"]})


@pytest.mark.parametrize(
    ("address", "line", "users", "expected"),
    [
        ("203.0.113.77", "secret", {"x"}, "b"),
        ("192.0.2.1", None, {"100"}, "a"),
        ("192.0.2.1", None, {"5551234"}, "a"),
        ("203.0.113.77", None, {"100"}, None),
        ("203.0.113.77", "guessed", {"100"}, None),
        ("203.0.113.9", None, set(), "carrier"),
        ("203.0.113.99", None, set(), None),
        ("10.1.2.3", None, set(), "phone"),
    ],
    ids=["line", "source and user", "source", "user", "wrong line", "network", "not inbound", "allowed"],
)
def test_which_trunk_a_request_came_by(address: str, line: str | None, users: set[str], expected: str | None) -> None:
    assert trust().trunk(Peer(address, 5060, "udp"), line=line, users=users) == expected


def test_port_and_transport_are_part_of_a_source() -> None:
    assert trust().knows(Peer("10.1.2.3", 5060, "udp"))
    assert not trust().knows(Peer("10.1.2.3", 5061, "udp"))
    assert not trust().knows(Peer("10.1.2.3", 5060, "tcp"))


def test_accounts_at_one_registrar_are_told_apart_by_the_user_that_was_dialled() -> None:
    trunks = [TrunkSettings(name=name, registrar="192.0.2.1", username=name) for name in ("100", "200")]
    both = Trust(trunks, lines={}, resolved={"100": ["192.0.2.1"], "200": ["192.0.2.1"]})
    assert both.trunk(Peer("192.0.2.1", 5060, "udp"), line=None, users={"200"}) == "200"
