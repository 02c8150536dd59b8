"""Which name servers the stack asks, and that a silent one stops nothing."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.sip import configuration
from gateway.sip.resolver import nameservers
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import exchange
from tests.sip.party import party


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n192.0.2.1 PBX pbx.lan # ours\n# 192.0.2.2 off.lan\n")
    resolver.write_text(
        "search lan\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver\nnameserver 192.0.2.54\n"
    )
    return {"hosts_file": hosts, "resolver_file": resolver}


@pytest.mark.parametrize("hosts", [[], ["192.0.2.1"], ["[2001:db8::1]"], ["localhost", "pbx.lan", "Pbx"]])
def test_none_when_the_system_answers_at_once(hosts: list[str], files: dict[str, Path]) -> None:
    assert nameservers(hosts, **files) == []


@pytest.mark.parametrize("host", ["sip.example.com", "off.lan"])
def test_the_systems_name_servers_for_a_name(host: str, files: dict[str, Path]) -> None:
    assert nameservers(["192.0.2.1", host], **files) == ["192.0.2.53", "192.0.2.54"]


def test_missing_files_are_no_error(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert nameservers(["sip.example.com"], hosts_file=missing, resolver_file=missing) == []


async def test_a_silent_name_server_stops_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    server = "127.0.0.77"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        try:
            silent.bind((server, 53))
        except PermissionError:
            pytest.skip("port 53 needs a privilege")
        monkeypatch.setattr(configuration, "nameservers", lambda hosts: [server])
        trunk = {"name": "far", "gateways": [{"host": "sip.example.com"}]}
        async with exchange(trunks=[trunk]) as ours, party(ours.address) as ann:
            await asyncio.get_running_loop().sock_recv(_non_blocking(silent), 512)
            for _ in range(3):
                async with asyncio.timeout(1):
                    await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:9")
            await ann.call()
            await ann.bye()
            assert not ours.endpoint.trunk_states()["far"].gateways["sip.example.com"].reachable


def _non_blocking(one: socket.socket) -> socket.socket:
    one.setblocking(False)
    return one
