"""From a host name to addresses, by a real name server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.sip import locator, lookup
from gateway.sip.locator import Locator
from gateway.sip.lookup import HostName, Kind, NotLocated, locate
from gateway.trunk.targets import Target
from tests.sip.name_server import name_server

UDP = HostName("example.com", None, "udp")


async def test_a_name_with_a_port_has_addresses_only() -> None:
    async with name_server() as server:
        server.address("example.com", "192.0.2.1", "192.0.2.2")
        located = await locate(HostName("example.com", 5070, "udp"), server.resolver())
        assert located.targets == (Target("192.0.2.1", 5070), Target("192.0.2.2", 5070))
        assert located.seconds == 60
        assert server.questions == [("example.com", "A")]


async def test_services_of_a_domain_keep_their_rank_and_those_without_an_address_are_left_out() -> None:
    async with name_server() as server:
        services = (1, 60, 5060, "a.example.com"), (2, 1, 5080, "b.example.com"), (3, 1, 1, "c.example.com")
        server.service("_sip._udp.example.com", *services)
        server.address("example.com", "192.0.2.9")
        server.address("a.example.com", "192.0.2.1", ttl=7)
        server.address("b.example.com", "192.0.2.2")
        located = await locate(UDP, server.resolver())
        assert located.targets == (Target("192.0.2.1", 5060, 1, 60), Target("192.0.2.2", 5080, 2, 1))
        assert located.seconds == 7


async def test_naptr_names_the_services_of_the_transport() -> None:
    async with name_server() as server:
        server.pointer(
            "example.com", (20, 1, "SIP+D2U", "late.example.com"), (10, 1, "SIP+D2U", "udp.example.com"),
            (1, 1, "SIP+D2T", "tcp.example.com"),
        )  # fmt: skip
        server.service("udp.example.com", (1, 1, 5090, "a.example.com"))
        server.address("a.example.com", "192.0.2.3")
        assert (await locate(UDP, server.resolver())).targets == (Target("192.0.2.3", 5090, 1, 1),)


async def test_a_domain_without_services_is_a_host() -> None:
    async with name_server() as server:
        server.address("example.com", "192.0.2.4")
        assert (await locate(UDP, server.resolver())).targets == (Target("192.0.2.4", 5060),)


@pytest.mark.parametrize(
    ("kinds", "addresses"),
    [
        (("A", "AAAA"), ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        (("AAAA", "A"), ["2001:db8::1", "192.0.2.1", "192.0.2.2"]),
        (("AAAA",), ["2001:db8::1"]),
    ],
)
async def test_all_addresses_of_the_preferred_family_come_before_the_others(
    kinds: tuple[Kind, ...], addresses: list[str]
) -> None:
    async with name_server() as server:
        server.service("_sip._udp.example.com", (1, 1, 5060, "a.example.com"), (9, 1, 5080, "b.example.com"))
        server.address("a.example.com", "192.0.2.1")
        server.address6("a.example.com", "2001:db8::1", ttl=7)
        server.address("b.example.com", "192.0.2.2")
        located = await locate(UDP, server.resolver(), kinds)
        assert [one.address for one in sorted(located.targets, key=lambda one: one.priority)] == addresses
        assert located.seconds == 7


@pytest.mark.parametrize(("kinds", "port"), [(("A", "AAAA"), 5070), (("AAAA",), None)])
async def test_a_name_of_ipv6_alone_is_found(kinds: tuple[Kind, ...], port: int | None) -> None:
    async with name_server() as server:
        server.address6("example.com", "2001:db8::2")
        located = await locate(HostName("example.com", port, "udp"), server.resolver(), kinds)
        assert [(one.address, one.port) for one in located.targets] == [("2001:db8::2", port or 5060)]


async def test_names_of_the_hosts_file_need_no_name_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.5 PBX pbx.lan # ours\n2001:db8::5 pbx.lan\n")
    monkeypatch.setattr(lookup, "HOSTS_FILE", hosts)
    async with name_server() as server:
        assert (await locate(HostName("pbx", None, "udp"), server.resolver())).targets == (Target("192.0.2.5", 5060),)
        both = await locate(HostName("pbx.lan", None, "udp"), server.resolver(), ("A", "AAAA"))
        assert [one.address for one in both.targets] == ["192.0.2.5", "2001:db8::5"]
        assert server.questions == []


@pytest.mark.parametrize("failure", ["REFUSED", "SERVFAIL", "NXDOMAIN"])
async def test_a_failure_is_told_in_a_sentence(failure: str) -> None:
    async with name_server() as server:
        server.failure = failure
        with pytest.raises(NotLocated, match=r"has no address of example\.com"):
            await locate(HostName("example.com", 5060, "udp"), server.resolver())


@pytest.mark.scenario("REG-08", peer="scripted name server", transport="udp")
async def test_what_was_found_is_not_taken_back_by_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locator, "_SHORTEST_SECONDS", 0.01)
    monkeypatch.setattr(locator, "_AGAIN_SECONDS", 0.01)
    told: list[object] = []
    async with name_server() as server:
        monkeypatch.setattr(lookup, "make_resolver", server.resolver)
        server.address("example.com", "192.0.2.1", ttl=0)
        following = Locator(lambda host, targets: told.append(tuple(one.address for one in targets)))
        following.watch([HostName("example.com", 5060, "udp")])
        async with asyncio.timeout(5):
            while ("192.0.2.1",) not in told:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            server.failure = "REFUSED"
            while () not in told:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            server.failure = None
            server.address("example.com", "192.0.2.2", ttl=0)
            while told[-1] != ("192.0.2.2",):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await following.close()
