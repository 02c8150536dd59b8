"""Looks at the hosts of one trunk: their names, their certificates, whether they answer, and what the answer tells."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence

from gateway.doctor.encryption import judge_handshake, judge_own
from gateway.doctor.encryption_probe import believing_anybody, make_context, own, shake_hands
from gateway.doctor.finding import Finding, ok, skipped
from gateway.doctor.names import judge_name
from gateway.doctor.names_probe import hosts_of, look_up
from gateway.doctor.reach import Answer, Asked, Outer, judge_codecs, judge_path, judge_reach, judge_time
from gateway.doctor.reach_probe import ask
from gateway.settings import Settings
from gateway.sip.certificates import TlsFiles
from gateway.sip.lookup import Kind, kinds_of
from gateway.sip.trunk import ANONYMOUS_USER, trunk_addresses
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.targets import Target
from gateway.trunk.trust import literal

_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}


async def examine_trunk(trunk: TrunkSettings, settings: Settings) -> AsyncIterator[Finding]:
    """Every host of it that is called."""
    now = datetime.datetime.now(datetime.UTC)
    hosts = hosts_of(trunk)
    if not hosts:
        yield skipped("reachability", trunk.name, "The trunk only calls; `parley doctor --wait` shows such a call.")
    if any(transport == "tls" for *_, transport in hosts):
        for finding in judge_own(trunk.name, *own(_files(trunk, settings)), now):
            yield finding
    for host, port, transport in hosts:
        targets, found = await _targets(host, port, transport, kinds_of(settings.sip.hosts))
        for finding in found:
            yield finding
        for target in targets:
            async for finding in _examine_target(trunk, settings, target, host, transport):
                yield finding


async def _targets(
    host: str, port: int | None, transport: str, kinds: Sequence[Kind]
) -> tuple[Sequence[Target], Sequence[Finding]]:
    if literal(host) is not None:
        return [Target(host, port or _PORTS[transport])], []
    facts = await look_up(host, port, transport, kinds)
    return facts.targets, [judge_name(facts)]


async def _examine_target(
    trunk: TrunkSettings, settings: Settings, target: Target, host: str, transport: str
) -> AsyncIterator[Finding]:
    context = None
    if transport == "tls":
        files = _files(trunk, settings)
        verify = trunk.tls.verify if trunk.tls else True
        if own(files)[1]:
            # told before: with files that cannot be used there is no handshake
            return
        shake = await shake_hands(target, host, files)
        judged = judge_handshake(shake, datetime.datetime.now(datetime.UTC), verify=verify)
        yield judged
        if shake.certificate is None or (shake.code and verify):
            return
        context = _context(files, verify=verify)
    asked, answer, problem = await ask(
        target,
        transport,
        domain=trunk_addresses(trunk).domain,
        user=trunk.username or ANONYMOUS_USER,
        context=context,
        name=host,
    )
    yield judge_reach(asked, answer, problem)
    if answer is not None:
        for finding in _told_by(asked, answer, trunk, settings):
            yield finding


def _told_by(asked: Asked, answer: Answer, trunk: TrunkSettings, settings: Settings) -> Iterator[Finding]:
    yield from judge_path(asked, answer, outer(trunk, settings))
    yield judge_codecs(asked, answer, settings.sip.codecs)
    if (time := judge_time(asked, answer)) is not None:
        yield time
    if trunk.srtp != "off":
        policy = f"srtp is {trunk.srtp}, keys by {trunk.srtp_keying.upper()}"
        yield ok("encryption of media", asked.target, f"{policy}; `parley doctor --call` shows whether both agree.")


def outer(trunk: TrunkSettings, settings: Settings) -> Outer:
    """The address that this trunk is told, and by which setting."""
    if trunk.public_address:
        return Outer(trunk.public_address, f"public_address of the trunk {trunk.name!r}")
    if settings.sip.public_address:
        return Outer(settings.sip.public_address, "sip.public_address")
    return Outer(None, "", stun=bool(settings.sip.stun))


def _context(files: TlsFiles, *, verify: bool) -> ssl.SSLContext:
    context = make_context(files)
    return context if verify else believing_anybody(context)


def _files(trunk: TrunkSettings, settings: Settings) -> TlsFiles:
    """Those of the trunk, else those of the section sip.tls."""
    if trunk.tls is not None:
        tls = trunk.tls
        setting = f"tls of the trunk {trunk.name!r}"
        return TlsFiles(setting, tls.certificate_file, tls.key_file, tls.ca_file)
    ours = settings.sip.tls
    return TlsFiles("sip.tls", ours.certificate_file, ours.key_file, ours.ca_file)
