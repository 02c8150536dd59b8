"""What a call to an echo tells of both directions of the audio. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.call.leg import MediaStatistics
from gateway.doctor.echo import CHIRPS, Echo
from gateway.doctor.finding import Finding, failed, ok, skipped, warning

_LATE_MS = 500
_LOSS = 0.01
_JITTER_MS = 30.0
_JUMP_MS = 500.0
"""No network is so uneven: the far end's RTP clock jumped, as where an announcement ends and an echo begins."""
_QUIET_DB, _LOUD_DB = -15.0, 6.0
_OPEN = "Let the firewall pass rtp.ports (UDP) from the far end to this machine, in both directions"
_TOLD = (
    "and look at the address that the far end is told: public_address of the trunk (or sip.public_address) must be the"
    " one that it can reach, no private one behind a NAT"
)
_SYMMETRIC = (
    "At the PBX: Asterisk rtp_symmetric=yes, and direct_media=no so that it does not send us to somebody else;"
    " FreeSWITCH: leave rtp-auto-adjust on, bypass-media off; Kamailio: rtpengine in the way of every call"
)
_INTO_PBX = (
    "Let the PBX's firewall pass its RTP ports (Asterisk rtp.conf rtpstart-rtpend, FreeSWITCH rtp-start-port to"
    " rtp-end-port), and look at the address that it tells us: Asterisk external_media_address and local_net;"
    " FreeSWITCH ext-rtp-ip"
)
_REFUSED: dict[int, tuple[str, str]] = {
    401: ("It wants credentials that we do not have.", "Correct username, password and realm of the trunk."),
    407: ("It wants credentials that we do not have.", "Correct username, password and realm of the trunk."),
    403: (
        "It forbids the call.",
        "The account may not call that number, or our address is not allowed: Asterisk context and identify match;"
        " FreeSWITCH acl and dialplan context; Kamailio permissions or the dispatcher's list.",
    ),
    404: (
        "It does not know the number.",
        "Make an echo extension in the context of our calls: Asterisk `exten => 600,1,Answer()`, `same =>"
        ' n,Playback(demo-echotest)`, `same => n,Echo()`; FreeSWITCH: `<action application="echo"/>` (9196 in its'
        " default dialplan). Is there a tech_prefix or leading_plus too many?",
    ),
    488: (
        "It takes none of what we offer: no common codec, or encryption that one side wants and the other does not.",
        "Compare sip.codecs with the PBX's (Asterisk allow=ulaw,alaw; FreeSWITCH codec-prefs), and srtp of the trunk"
        " with its media_encryption (Asterisk), rtp_secure_media (FreeSWITCH) or the flags of rtpengine (Kamailio).",
    ),
    408: ("Nobody answered in time.", "Look at the reachability of the trunk above."),
    480: ("It is not available now.", "Is the extension registered, or the destination reachable for the PBX?"),
    486: ("It is busy.", "Call an echo extension, which never is."),
    503: ("It cannot take the call now.", "Look at the PBX: its own trunks, and its limits of calls."),
}
_REFUSED[606] = _REFUSED[415] = _REFUSED[488]


@dataclass(frozen=True, slots=True)
class EchoFacts:
    """How the call went. `status` and `reason` are of its end when nobody answered; `spoke_dbfs` is the loudest that
    came in, None for digital silence; `keys` those that came back, None where none were sent."""

    about: str
    answered: bool
    status: int = 0
    reason: str = ""
    statistics: MediaStatistics | None = None
    echo: Echo | None = None
    spoke_dbfs: float | None = None
    keys: str | None = None


def judge_echo(facts: EchoFacts) -> Iterator[Finding]:
    """The call, its audio both ways, how good it is, and keys."""
    if not facts.answered:
        yield _not_answered(facts)
        return
    media = facts.statistics
    codec = f" with {media.codec}" if media else ""
    yield ok("call", facts.about, f"It was answered{codec}.")
    yield _audio(facts, media)
    if media and facts.echo:
        yield _quality(facts.about, media, facts.echo)
    if facts.echo and facts.keys is not None:
        yield _keys(facts)


def _not_answered(facts: EchoFacts) -> Finding:
    found, remedy = _REFUSED.get(
        facts.status, ("Nobody answered.", "Look for the call in the PBX's log; log.sip: true shows it in ours.")
    )
    return failed("call", facts.about, f"{found} It said {facts.status} {facts.reason}.", remedy)


def _audio(facts: EchoFacts, media: MediaStatistics | None) -> Finding:
    if facts.echo is not None:
        return _both_ways(facts.about, facts.echo)
    if media is None:
        return failed("audio", facts.about, "The call had no audio stream.", "Look at its codecs and its encryption.")
    if not media.packets_received:
        return _nothing_came(facts.about, media)
    if _arrives(media) is False or facts.spoke_dbfs is not None:
        return _nothing_arrives(facts.about, media)
    return failed(
        "audio", facts.about, f"{media.packets_received} packets came, all of digital silence, and none of our sound.",
        f"Either the number is no echo, or our audio does not arrive there. {_INTO_PBX}. {_SYMMETRIC}.",
    )  # fmt: skip


def _both_ways(about: str, echo: Echo) -> Finding:
    told = f"Both ways: {echo.chirps} of {CHIRPS} sounds came back after {echo.delay_ms} ms, {echo.level_db:+.1f} dB."
    if echo.chirps < CHIRPS:
        return warning("audio", about, told, "Part of the audio is lost or changed: look at loss and jitter below.")
    if not _QUIET_DB <= echo.level_db <= _LOUD_DB:
        return warning(
            "audio", about, told, "The PBX changes the level: Asterisk func_volume, rx_gain and tx_gain of its lines."
        )
    return ok("audio", about, told)


def _nothing_came(about: str, media: MediaStatistics) -> Finding:
    if _arrives(media):
        return failed(
            "audio", about, "One way: our audio arrives there (the far end reports it), and nothing comes back to us.",
            f"The way to us is blocked. {_OPEN}, {_TOLD}. {_SYMMETRIC}.",
        )  # fmt: skip
    return failed(
        "audio", about,
        f"Nothing came in, and of the {media.packets_sent} packets that we sent the far end reports none.",
        f"{_OPEN}, {_TOLD}. {_SYMMETRIC}. Which way is blocked shows an extension that speaks before it echoes"
        " (Asterisk: Playback(demo-echotest) before Echo()): an echo that hears nothing sends nothing.",
    )  # fmt: skip


def _nothing_arrives(about: str, media: MediaStatistics) -> Finding:
    return failed(
        "audio", about,
        f"One way: {media.packets_received} packets of the far end came, and nothing of our sound is among them, so"
        " that our audio does not arrive there.",
        f"The way to the far end is blocked. {_INTO_PBX}. {_SYMMETRIC}. Or the number is no echo.",
    )  # fmt: skip


def _arrives(media: MediaStatistics) -> bool | None:
    """What the far end's reports say of our packets; None without any."""
    if not media.reports_received:
        return None
    return media.packets_lost_remote < media.packets_sent / 2


def _quality(about: str, media: MediaStatistics, echo: Echo) -> Finding:
    expected = media.packets_received + media.packets_lost
    loss = media.packets_lost / expected if expected else 0.0
    remote = media.packets_lost_remote / media.packets_sent if media.packets_sent else 0.0
    jumped = media.jitter_ms > _JUMP_MS
    jitter = "jitter not known (the far end's clock jumped)" if jumped else f"jitter {media.jitter_ms:.0f} ms"
    trip = f", round trip {media.round_trip_ms:.0f} ms" if media.round_trip_ms is not None else ""
    told = f"Loss {loss:.1%} to us and {remote:.1%} from us, {jitter}{trip}, echo after {echo.delay_ms} ms."
    remedies = list(_remedies(max(loss, remote), 0.0 if jumped else media.jitter_ms, echo.delay_ms))
    return warning("quality", about, told, " ".join(remedies)) if remedies else ok("quality", about, told)


def _remedies(loss: float, jitter_ms: float, delay_ms: int) -> Sequence[str]:
    found = []
    if loss > _LOSS:
        found.append(
            "Packets get lost: no Wi-Fi or full uplink on the way, voice before data in the router, a whole cable."
        )
    if jitter_ms > _JITTER_MS:
        found.append("Packets come unevenly: a line or a machine on the way is full.")
    if delay_ms > _LATE_MS:
        found.append("The echo comes late: a far country, or large jitter buffers at the PBX.")
    return found


def _keys(facts: EchoFacts) -> Finding:
    if facts.keys:
        return ok("keys", facts.about, f"Pressed, and echoed: {facts.keys}.")
    return skipped("keys", facts.about, "The key that we pressed did not come back, which few echoes let it.")
