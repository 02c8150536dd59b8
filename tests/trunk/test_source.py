"""Where requests may come from, as it is written in the settings."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.source import parse_source

ports = st.one_of(st.none(), st.integers(1, 65535))
transports = st.one_of(st.none(), st.sampled_from(["udp", "tcp", "tls"]))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("203.0.113.5", ("203.0.113.5", 9, "udp"), ("203.0.113.6", 9, "udp")),
        ("203.0.113.0/24", ("203.0.113.255", 9, "tcp"), ("203.0.114.0", 9, "tcp")),
        ("203.0.113.5:5060", ("203.0.113.5", 5060, "udp"), ("203.0.113.5", 5061, "udp")),
        ("203.0.113.5/tcp", ("203.0.113.5", 9, "tcp"), ("203.0.113.5", 9, "udp")),
        ("203.0.113.0/24:5060/udp", ("203.0.113.9", 5060, "udp"), ("203.0.113.9", 5060, "tls")),
        ("2001:db8::/32", ("2001:db8::1", 9, "udp"), ("2001:db9::1", 9, "udp")),
        ("[2001:db8::1]:5060", ("2001:db8::1", 5060, "udp"), ("2001:db8::1", 5061, "udp")),
        ("203.0.113.5", ("::ffff:203.0.113.5", 9, "udp"), ("::1", 9, "udp")),
    ],
)
def test_what_is_meant_and_what_is_not(text: str, inside: tuple[str, int, str], outside: tuple[str, int, str]) -> None:
    source = parse_source(text)
    assert source.holds(*inside)
    assert not source.holds(*outside)


@pytest.mark.parametrize(
    "text", ["", "pbx.example.com", "10.0.0", "10.0.0.1/33", "10.0.0.1:0", "10.0.0.1:99999", "10.0.0.1/sctp"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"10\.|pbx|^$"):
        parse_source(text)


@given(st.ip_addresses(), ports, transports)
def test_what_is_written_is_what_is_read(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int | None, transport: str | None
) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    text = host + (f":{port}" if port else "") + (f"/{transport}" if transport else "")
    source = parse_source(text)
    assert (source.port, source.transport) == (port, transport)
    assert source.network == ipaddress.ip_network(address)
