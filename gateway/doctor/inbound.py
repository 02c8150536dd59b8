"""What one call that came tells: whose it is, what was agreed on, what was heard. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.call.leg import LegInfo, MediaStatistics
from gateway.doctor.finding import Finding, failed, ok, warning
from gateway.trunk.settings import TrunkSettings

_QUIET_DBFS = -45.0


@dataclass(frozen=True, slots=True)
class InboundFacts:
    """The call; `spoke_dbfs` is the loudest that was heard, None for digital silence. `route` tells who would answer,
    empty for nobody."""

    info: LegInfo
    statistics: MediaStatistics | None
    spoke_dbfs: float | None
    route: str


def judge_inbound(facts: InboundFacts, trunks: Sequence[TrunkSettings]) -> Iterator[Finding]:
    """Who called, by which trunk, and the audio of both directions."""
    info = facts.info
    yield ok("call", info.source, f"{info.caller} called {info.number or info.called}.")
    yield _trunk(info, trunks)
    if facts.route:
        yield ok("route", info.number, facts.route)
    else:
        yield warning(
            "route", info.number, "No route of the settings takes this number.",
            "Compare it as it came with the routes (`parley route test`), or give it to an assistant by the API.",
        )  # fmt: skip
    yield from _audio(info, facts)


def _trunk(info: LegInfo, trunks: Sequence[TrunkSettings]) -> Finding:
    if info.trunk is not None:
        return ok("trunk", info.source, f"It is of the trunk {info.trunk!r}.")
    known = "; ".join(f"{one.name}: {', '.join(_sources(one))}" for one in trunks) or "there is no trunk"
    return warning(
        "trunk", info.source, f"It is of no trunk: its address is none of theirs ({known}).",
        f"Add {info.source.rpartition(':')[0] or 'its address'} to allow of the trunk, or to its gateways; a PBX with"
        " several addresses calls from each of them.",
    )  # fmt: skip


def _sources(trunk: TrunkSettings) -> list[str]:
    registrar = [trunk.registrar] if trunk.registrar else []
    return [*registrar, *(one.name for one in trunk.gateways if one.inbound), *trunk.allow]


def _audio(info: LegInfo, facts: InboundFacts) -> Iterator[Finding]:
    media = facts.statistics
    if media is None or not media.packets_received:
        yield failed(
            "audio in", info.source, "Nothing came.",
            "Let the firewall pass rtp.ports (UDP) to this machine; behind a NAT set public_address of the trunk.",
        )  # fmt: skip
    elif facts.spoke_dbfs is None or facts.spoke_dbfs < _QUIET_DBFS:
        level = "digital silence" if facts.spoke_dbfs is None else f"{facts.spoke_dbfs:.0f} dBFS at most"
        yield warning(
            "audio in", info.source, f"{media.packets_received} packets of {media.codec}, {level}.",
            "Did somebody speak? Else look at the microphone, and at the leg behind the PBX.",
        )  # fmt: skip
    else:
        yield ok(
            "audio in", info.source, f"{media.packets_received} packets of {media.codec}, {facts.spoke_dbfs:.0f} dBFS."
        )
    if media is not None:
        yield _outward(info, media)


def _outward(info: LegInfo, media: MediaStatistics) -> Finding:
    if not media.reports_received:
        return warning(
            "audio out", info.source, f"{media.packets_sent} packets sent; the far end reports nothing of them.",
            "Did the caller hear the tones? Then all is well: the far end sends no RTCP.",
        )  # fmt: skip
    lost = media.packets_lost_remote
    if lost > media.packets_sent / 2:
        return failed(
            "audio out", info.source, f"Of {media.packets_sent} packets {lost} did not arrive.",
            "The way to the far end is blocked: its firewall, or an address in its SDP that it cannot be reached at.",
        )  # fmt: skip
    return ok("audio out", info.source, f"{media.packets_sent} packets sent, {lost} did not arrive.")
