"""TLS on the wire: whose certificates are believed, which of ours is shown, and new ones without a restart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.trunk.settings import TrunkSettings
from tests.peers.certificates import Authority, Certificate
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.exchange import Exchange, exchange
from tests.sip.stream_party import stream_party
from tests.sip.stream_peer import (
    StreamRegistrar,
    client_context,
    connection,
    server_context,
    server_is,
    stream_registrar,
)
from tests.sip.test_gateways import until
from tests.sip.test_registering import state

BOTH = [LOOPBACK]
BAD_SERVERS = [
    "expired", "not yet valid", "another name", "another address", "another authority", "self-signed",
    "its name in the subject beside other alternative names", "a wildcard", "TLS 1.1 only",
]  # fmt: skip
BAD_CLIENTS = ["none", "expired", "another authority", "self-signed"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def bad_server(kind: str, authority: Authority, folder: Path) -> ssl.SSLContext:
    made: dict[str, Any] = {
        "expired": {"hosts": BOTH, "days": (-10, -1)},
        "not yet valid": {"hosts": BOTH, "days": (1, 10)},
        "another name": {"hosts": ["pbx.example.com"]},
        "another address": {"hosts": ["127.0.0.2"]},
        "self-signed": {"hosts": BOTH, "self_signed": True},
        "its name in the subject beside other alternative names": {
            "hosts": ["pbx.example.com"],
            "common_name": LOOPBACK,
        },
        "a wildcard": {"hosts": ["*.0.0.1"], "common_name": "*.0.0.1"},
    }
    signer = Authority(folder, "other") if kind == "another authority" else authority
    certificate = signer.issue("bad", **made.get(kind, {"hosts": BOTH}))
    context = server_context(certificate)
    if kind == "TLS 1.1 only":
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    return context


def trunk(name: str, at: StreamRegistrar, authority: Authority, **tls: object) -> dict[str, object]:
    return {
        "name": name, "registrar": f"{LOOPBACK}:{at.port}", "username": "100", "password": "secret",
        "transport": "tls", "tls": {"ca_file": str(authority.ca_file), **tls},
    }  # fmt: skip


@asynccontextmanager
async def secure_exchange(certificate: Certificate, **changes: Any) -> AsyncIterator[Exchange]:
    """An endpoint with TLS, at `settings.sip.tls.port`."""
    tls = {
        "port": free_port(), "certificate_file": str(certificate.certificate_file),
        "key_file": str(certificate.key_file), **changes.pop("tls", {}),
    }  # fmt: skip
    async with exchange(sip={"transports": ["udp", "tls"], "tls": tls}, **changes) as ours:
        yield ours


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
async def test_no_registrar_with_a_bad_certificate_is_told_anything(authority: Authority, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        bad = {
            kind: await stack.enter_async_context(stream_registrar(bad_server(kind, authority, tmp_path / str(index))))
            for index, kind in enumerate(BAD_SERVERS)
        }
        good = await stack.enter_async_context(stream_registrar(server_context(authority.issue("ok", hosts=BOTH))))
        by_uri = await stack.enter_async_context(
            stream_registrar(server_context(authority.issue("uri", uris=[f"sip:{LOOPBACK}"])))
        )
        trunks = [trunk(kind, at, authority) for kind, at in bad.items()]
        trunks += [trunk("good", good, authority), trunk("by uri", by_uri, authority)]
        trunks += [trunk("believes anybody", bad["expired"], authority, verify=False)]
        ours = await stack.enter_async_context(exchange(trunks=trunks))
        for name in ("good", "by uri", "believes anybody"):
            await state(ours, lambda one: one.registered, name)
        for kind in BAD_SERVERS:
            await state(ours, lambda one: one.failures > 0, kind)
            told = [request.first("contact") for request in bad[kind].answers.requests]
            assert len(told) == (2 if kind == "expired" else 0), kind  # of the trunk that believes anybody


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
async def test_each_trunk_shows_its_own_certificate_to_one_and_the_same_server(authority: Authority) -> None:
    context = server_context(authority.issue("server", hosts=BOTH), clients_of=authority)
    async with stream_registrar(context) as at:
        own = {name: authority.issue(name, common_name=name) for name in ("north", "south")}
        trunks = [
            trunk(name, at, authority, certificate_file=str(one.certificate_file), key_file=str(one.key_file))
            for name, one in own.items()
        ]
        async with exchange(trunks=[*trunks, trunk("without", at, authority)]) as ours:
            for name in own:
                await state(ours, lambda one: one.registered, name)
            await state(ours, lambda one: one.failures > 0, "without")
            assert {str(one["subject"][0][0][1]) for one in at.certificates} == set(own)  # type: ignore[index]


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
async def test_a_server_at_an_address_is_known_by_the_name_of_its_trunk(authority: Authority) -> None:
    context = server_context(authority.issue("named", hosts=["pbx.example.com"]))
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    async with stream_registrar(context) as at:
        right, wrong = "pbx.example.com", "other.example.com"
        trunks = [trunk("right", at, authority, server_name=right), trunk("wrong", at, authority, server_name=wrong)]
        async with exchange(trunks=[*trunks, trunk("host", at, authority)]) as ours:
            await state(ours, lambda one: one.registered, "right")
            for name in ("wrong", "host"):
                await state(ours, lambda one: one.failures > 0, name)
            assert len(at.answers.requests) == 2, "of one trunk alone: a REGISTER, and that which answers the challenge"
        assert {right, wrong} <= set(asked)


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
async def test_clients_without_a_certificate_of_ours_are_not_heard(authority: Authority, tmp_path: Path) -> None:
    certificate = authority.issue("gateway", hosts=BOTH)
    known = authority.issue("client")
    tls = {"ca_file": str(authority.ca_file), "verify_client": True}
    async with secure_exchange(certificate, tls=tls) as ours:
        port = ours.settings.sip.tls.port
        for kind in BAD_CLIENTS:
            made = {"expired": {"days": (-10, -1)}, "self-signed": {"self_signed": True}}.get(kind, {})
            signer = Authority(tmp_path, "other") if kind == "another authority" else authority
            shown = None if kind == "none" else signer.issue("bad", **made)  # type: ignore[arg-type]
            try:
                async with connection(LOOPBACK, port, client_context(shown)) as caller:
                    caller.writer.write(caller.options("a", transport="TLS"))
                    assert await caller.closed(), kind
            except (ssl.SSLError, ConnectionError):
                pass  # refused in the handshake
        async with connection(LOOPBACK, port, client_context(known, ca=authority)) as caller:
            caller.writer.write(caller.options("b", transport="TLS"))
            assert (await caller.message()).start_line == "SIP/2.0 200 OK"


@pytest.mark.scenario("NET-03", peer="Python ssl", transport="tls")
async def test_a_message_that_is_too_long_is_refused_and_the_connection_goes_on(authority: Authority) -> None:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(secure_exchange(authority.issue("gateway", hosts=BOTH)))
        port, context = ours.settings.sip.tls.port, client_context(ca=authority)
        caller = await stack.enter_async_context(connection(LOOPBACK, port, context))
        caller.writer.write(caller.long_options("long", 90_000, transport="TLS"))
        caller.writer.write(caller.options("short", transport="TLS"))
        answers = [await caller.message() for _ in range(2)]
    assert [answer.start_line.split()[1] for answer in answers] == ["513", "200"]


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_current_versions_of_tls_and_no_others(authority: Authority, version: ssl.TLSVersion) -> None:
    async with secure_exchange(authority.issue("gateway", hosts=BOTH)) as ours:
        port = ours.settings.sip.tls.port
        context = client_context(ca=authority)
        context.minimum_version = context.maximum_version = version
        async with connection(LOOPBACK, port, context) as caller:
            caller.writer.write(caller.options("a", transport="TLS"))
            assert (await caller.message()).start_line == "SIP/2.0 200 OK"
        old = client_context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with connection(LOOPBACK, port, old):
                pass


@pytest.mark.scenario("NET-02", peer="Python ssl", transport="tls")
async def test_a_replaced_certificate_is_shown_while_connections_stay(authority: Authority, tmp_path: Path) -> None:
    files = Certificate(tmp_path / "gateway.crt", tmp_path / "gateway.key")
    context = client_context(ca=authority)
    authority.issue("old", hosts=BOTH, common_name="old").copy_to(files)
    async with secure_exchange(files) as ours:
        port = ours.settings.sip.tls.port
        async with connection(LOOPBACK, port, context) as caller:
            assert caller.server_name == "old"
            files.key_file.write_text("half written")
            ours.endpoint.reload_certificates()
            await asyncio.sleep(0.1)
            async with connection(LOOPBACK, port, context) as other:
                assert other.server_name == "old"
            authority.issue("new", hosts=BOTH, common_name="new").copy_to(files)
            ours.endpoint.reload_certificates()
            await server_is(LOOPBACK, port, context, "new")
            caller.writer.write(caller.options("a", transport="TLS"))
            assert (await caller.message()).start_line == "SIP/2.0 200 OK"


async def test_a_certificate_that_expired_keeps_the_endpoint_from_starting(authority: Authority) -> None:
    with pytest.raises(ConfigError, match=r"sip.tls.certificate_file: .*expired on"):
        async with secure_exchange(authority.issue("late", hosts=BOTH, days=(-9, -1))):
            pass


@pytest.mark.scenario("TRK-02", peer="scripted party", transport="tls")
async def test_a_gateway_is_asked_with_the_certificates_of_its_trunk(authority: Authority, tmp_path: Path) -> None:
    theirs = Authority(tmp_path, "theirs")
    own = authority.issue("asking", hosts=BOTH)
    async with secure_exchange(own) as ours:
        context = server_context(theirs.issue("carrier", hosts=BOTH), clients_of=authority)
        at = f"{LOOPBACK}:{ours.settings.sip.tls.port}"
        async with stream_party(at, host=LOOPBACK, server=context, client=client_context()) as carrier:
            files = {"certificate_file": own.certificate_file, "key_file": own.key_file, "ca_file": theirs.ca_file}
            gateways = [{"host": LOOPBACK, "port": carrier.port}]
            trunk = {"name": "carrier", "transport": "tls", "tls": files, "gateways": gateways}
            await ours.endpoint.set_trunks([TrunkSettings.model_validate(trunk)])
            carrier.respond(await carrier.incoming("OPTIONS"), "200 OK")
            await until(ours, lambda one: all(gateway.reachable for gateway in one.gateways.values()))
