"""Settings turned into pjsua2's configuration, and what must hold before it starts. For the owner thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.errors import NativeMissing
from gateway.media.audio import FRAME_MS, SAMPLE_RATE
from gateway.settings import Settings
from gateway.sip.bridge import CompiledLimits
from gateway.sip.library import pj
from gateway.sip.resolver import nameservers
from gateway.sip.settings import is_ipv6
from gateway.sip.transports import UNBOUND, set_addresses, trunk_host
from gateway.sip.trunk import ANONYMOUS_USER, LINE_PARAMETER, TrunkAddresses, own_contact, registrar_uri
from gateway.trunk.protection import SrtpKeying, SrtpPolicy
from gateway.trunk.settings import TrunkSettings

REFUSAL_CALLS = 16
"""Calls beyond the capacity, so that an INVITE too many gets a 503 with Retry-After and not the stack's own 486."""

LOCAL_ACCOUNTS = 4
"""For calls of no trunk: by TLS or not, with IPv4 or IPv6."""

_UNREGISTER_MS = 800

_NEVER, _ALWAYS = 0, 2
_USE_ACCOUNT_ROUTE = 2
"""PJSUA_REG_USE_ACC_PROXY."""

_CODEC_IDS = {"PCMU": "PCMU/8000", "PCMA": "PCMA/8000", "G722": "G722/16000", "opus": "opus/48000"}


def check_limits(settings: Settings, limits: CompiledLimits) -> None:
    """Compare what was compiled in with what is configured; the stack would clamp in silence.

    :raises NativeMissing: when the build is too small
    """
    calls = settings.capacity
    needed = {
        "calls": (calls + REFUSAL_CALLS, limits.calls),
        "accounts": (len(settings.trunks) + LOCAL_ACCOUNTS, limits.accounts),
        # a port for the call, one for its leg, and the clock's own; those who wait have one more
        "conference ports": (2 * calls + 1, limits.conference_ports),
        # RTP and RTCP of each call, and the signalling's
        "sockets": (2 * (calls + REFUSAL_CALLS) + 8, limits.sockets),
        "transactions": (2 * calls, limits.transactions),
        "dialogs": (calls + REFUSAL_CALLS, limits.dialogs),
    }
    for name, (need, have) in needed.items():
        if need > have:
            raise NativeMissing(
                f"The installed pjsua2 was built for {have} {name}, but {need} are needed for sip.max_calls = {calls}; "
                "lower sip.max_calls or rebuild it with `parley setup`."
            )


def endpoint_config(settings: Settings, *, limits: CompiledLimits, log_writer: Any, log_level: int) -> Any:
    """EpConfig: no thread of the stack's own for signalling, an 8 kHz conference without a sound device."""
    config = pj.EpConfig()
    agent, media, log = config.uaConfig, config.medConfig, config.logConfig
    agent.threadCnt = 0
    agent.mainThreadOnly = True
    agent.maxCalls = min(limits.calls, settings.capacity + REFUSAL_CALLS)
    agent.userAgent = settings.sip.user_agent
    for server in nameservers(_hosts(settings)):
        agent.nameserver.append(server)
    for server in settings.sip.stun:
        agent.stunServer.append(server)
    agent.stunIgnoreFailure = True
    _media_config(media, ports=min(limits.conference_ports, 3 * agent.maxCalls + 4))
    # the writer gets what the console level lets through
    log.level = log.consoleLevel = log_level
    log.msgLogging = int(settings.log.sip)
    log.decor = 0
    log.writer = log_writer
    return config


def _hosts(settings: Settings) -> Iterator[str]:
    for trunk in settings.trunks:
        if registrar := registrar_uri(trunk):
            yield registrar.host
        yield from (gateway.host for gateway in trunk.gateways)


def _media_config(media: Any, *, ports: int) -> None:
    media.clockRate = media.sndClockRate = SAMPLE_RATE
    media.channelCount = 1
    media.audioFramePtime = media.ptime = FRAME_MS
    media.maxMediaPorts = ports
    media.hasIoqueue = True
    media.threadCnt = 1
    media.noVad = True
    # the small resampling filter: what is left of it above 3.4 kHz no telephone passes on
    media.quality = 4
    media.ecTailLen = 0
    media.sndAutoCloseTime = -1
    # jitter buffer: starts at 20 ms, may grow to 200 ms, holds 400 ms at most; how it adapts is native/jitter/delay.h's
    media.jbInit, media.jbMinPre, media.jbMaxPre, media.jbMax = 20, 20, 200, 400
    media.jbDiscardAlgo = pj.PJMEDIA_JB_DISCARD_NONE


def local_account_config(settings: Settings, *, identity: str, secure: bool, ipv6: bool) -> Any:
    """AccountConfig of an account that takes calls of nobody else's, over any transport.

    :param secure: for calls that come by TLS
    :param ipv6: for calls whose media is IPv6
    """
    config = pj.AccountConfig()
    config.idUri = identity
    sip = settings.sip
    _media(config, settings, [host for host in sip.hosts if is_ipv6(host) == ipv6] or sip.hosts, None)
    _prefer(config.mediaConfig, ipv6=ipv6)
    # without TLS anybody could read the keys: what is preferred then is a call without
    readable = sip.srtp_keying == "sdes" and not secure
    _encrypt(config.mediaConfig, "off" if readable and sip.srtp == "preferred" else sip.srtp, sip.srtp_keying)
    return config


def trunk_account_config(
    settings: Settings,
    trunk: TrunkSettings,
    addresses: TrunkAddresses,
    *,
    transport: int = UNBOUND,
    route: str | None = None,
    instance: str = "",
) -> Any:
    """AccountConfig of a trunk. When to refresh, and to begin again after a failure, is ours (retryInterval 0); the
    stack's own refresh comes later, and so never.

    :param transport: the stack's id of the only transport that it may use
    :param route: the way to one host of the registrar, which all requests take
    :param instance: our UUID, which registrars over connections know us by (RFC 5626)
    """
    config = pj.AccountConfig()
    config.idUri = addresses.identity
    registration, sip = config.regConfig, config.sipConfig
    registration.registerOnAdd = False
    if addresses.registrar is not None:
        registration.registrarUri = addresses.registrar
    registration.timeoutSec = trunk.register_seconds
    registration.retryIntervalSec = 0
    registration.delayBeforeRefreshSec = 1
    registration.unregWaitMsec = _UNREGISTER_MS
    # who changes the route of an account registers again when it is time for it
    registration.disableRegOnModify = True
    registration.proxyUse = _USE_ACCOUNT_ROUTE if route else 0
    if user := trunk.auth_username or trunk.username:
        sip.authCreds.append(pj.AuthCredInfo("digest", trunk.realm, user, 0, trunk.password.get_secret_value()))
        # the last challenge outlives a registration that failed, and serves calls, too
        sip.useSharedAuth = True
    if way := route or addresses.route:
        sip.proxies.append(way)
    if addresses.registrar is not None:
        sip.contactUriParams = f";{LINE_PARAMETER}={addresses.line}"
    _dialogs(config.callConfig, trunk)
    sip.transportId = transport
    hosts = settings.sip.hosts
    _media(config, settings, hosts, trunk.public_address)
    _prefer(config.mediaConfig, ipv6=is_ipv6(trunk_host(trunk)) or all(map(is_ipv6, hosts)))
    _encrypt(config.mediaConfig, trunk.srtp, trunk.srtp_keying, any_transport=trunk.srtp_without_tls)
    config.natConfig.udpKaIntervalSec = trunk.keep_alive_seconds
    if instance:
        config.natConfig.sipOutboundInstanceId = f"<urn:uuid:{instance}>"
    sip.contactForced = own_contact(settings.sip, trunk, trunk.username or ANONYMOUS_USER)
    # what the registrar sees is registered, also where only the port differs and the address is a private one; but
    # where ports are forwarded, what was set leads to us, and what is seen need not
    forwarded = sip.contactForced or settings.sip.public_address
    config.natConfig.contactRewriteUse = _NEVER if forwarded else _ALWAYS
    return config


_SESSION_TIMERS = {
    "off": pj.PJSUA_SIP_TIMER_INACTIVE,
    "optional": pj.PJSUA_SIP_TIMER_OPTIONAL,
    "required": pj.PJSUA_SIP_TIMER_REQUIRED,
    "always": pj.PJSUA_SIP_TIMER_ALWAYS,
}
_PRACK = {
    "off": pj.PJSUA_100REL_NOT_USED,
    "optional": pj.PJSUA_100REL_OPTIONAL,
    "required": pj.PJSUA_100REL_MANDATORY,
}


def _dialogs(calls: Any, trunk: TrunkSettings) -> None:
    calls.timerUse = _SESSION_TIMERS[trunk.session_timer]
    calls.timerSessExpiresSec = trunk.session_seconds
    calls.timerMinSESec = trunk.min_session_seconds
    calls.prackUse = _PRACK[trunk.prack]


def _media(config: Any, settings: Settings, hosts: list[str], public_address: str | None) -> None:
    transport = config.mediaConfig.transportConfig
    first, last = settings.rtp.ports
    transport.port, transport.portRange = first, last - first
    set_addresses(transport, settings.sip, hosts, public_address)
    config.mediaConfig.streamKaEnabled = False
    # where the far end offers it; see native/transport_patches.py
    config.mediaConfig.rtcpMuxEnabled = True
    nat = config.natConfig
    nat.iceEnabled = False
    stun = bool(settings.sip.stun) and not (public_address or settings.sip.public_address)
    nat.sipStunUse = nat.mediaStunUse = pj.PJSUA_STUN_USE_DEFAULT if stun else pj.PJSUA_STUN_USE_DISABLED


def _prefer(media: Any, *, ipv6: bool) -> None:
    """The family that an offer is of; an answer is of the offer's."""
    media.ipv6Use = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY if ipv6 else pj.PJSUA_IPV6_ENABLED_PREFER_IPV4


def _encrypt(media: Any, policy: SrtpPolicy, keying: SrtpKeying, *, any_transport: bool = False) -> None:
    media.srtpUse = {
        "off": pj.PJMEDIA_SRTP_DISABLED,
        "preferred": pj.PJMEDIA_SRTP_OPTIONAL,
        "required": pj.PJMEDIA_SRTP_MANDATORY,
    }[policy]
    media.srtpSecureSignaling = int(keying == "sdes" and not any_transport)
    keyings = pj.IntVector()
    keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES if keying == "sdes" else pj.PJMEDIA_SRTP_KEYING_DTLS_SRTP)
    media.srtpOpt.keyings = keyings


def codec_priorities(available: list[str], wanted: list[str]) -> dict[str, int]:
    """Priority of each codec id, 0 for those that are not offered.

    :param available: the stack's codec ids, such as PCMU/8000/1
    :param wanted: names of the settings, the preferred first
    """
    priorities = dict.fromkeys(available, 0)
    for rank, name in enumerate(wanted):
        prefix = _CODEC_IDS[name].lower() + "/"
        for identifier in available:
            if identifier.lower().startswith(prefix):
                priorities[identifier] = 250 - rank
    return priorities
