"""What the machine must have: the native build, ports, file descriptors, disk and clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.doctor.finding import Finding, failed, ok, skipped, warning

_DESCRIPTORS = 200
"""For everything but calls: logs, the database, HTTP."""
_DESCRIPTORS_PER_CALL = 6
"""Four sockets at most, and two files of a recording."""
_DISK_LOW, _DISK_EMPTY = 2 << 30, 200 << 20
"""Bytes; an hour of a stereo recording has about 115 MB."""


@dataclass(frozen=True, slots=True)
class PortFacts:
    """A port that `parley serve` listens on. `error` is the system's word when it cannot be bound, `taken` tells that
    another program has it."""

    setting: str
    address: str
    transport: str
    taken: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class RtpFacts:
    """The RTP ports; `calls` are those that the settings ask for, `fit` those that the range has ports for.
    `blocked` cannot be bound by us."""

    first: int
    last: int
    calls: int
    fit: int
    blocked: Sequence[int] = ()


def judge_native(problem: str | None) -> Finding:
    """:param problem: a sentence, None when the build is there and large enough"""
    if problem is None:
        return ok("native build", "", "The SIP stack is installed, and large enough for the settings.")
    return failed("native build", "", problem, "Run `parley setup`, or lower sip.max_calls.")


def judge_port(facts: PortFacts, *, gateway_runs: bool) -> Finding:
    """:param gateway_runs: whether the gateway of these settings answers at its control socket"""
    about = f"{facts.address}/{facts.transport}"
    if facts.taken and gateway_runs:
        return ok("port", about, "The running gateway listens here.")
    if facts.taken:
        return failed(
            "port", about, f"Another program has the port ({facts.setting}).",
            f"`ss -lpn` names that program: stop it, or choose another {facts.setting}. A PBX on the same machine wants"
            " 5060 too: give Parley 5070, and name that port in the PBX's trunk.",
        )  # fmt: skip
    if facts.error:
        return failed(
            "port", about, f"It cannot be listened on ({facts.setting}): {facts.error}.",
            "The address must be one of this machine's (`ip address`), and ports below 1024 need the right to bind.",
        )  # fmt: skip
    return ok("port", about, "Free.")


def judge_rtp(facts: RtpFacts, *, gateway_calls: int) -> Finding:
    """:param gateway_calls: live calls of the running gateway, whose ports are rightly taken"""
    about = f"{facts.first}-{facts.last}/udp"
    blocked = len(facts.blocked) - 2 * gateway_calls
    total = facts.last - facts.first + 1
    if blocked >= total:
        return failed(
            "RTP ports", about, "Other programs have every one of them.",
            "Choose another rtp.ports that no PBX or media proxy on this machine uses, and open it in the firewall.",
        )  # fmt: skip
    if blocked > 0:
        named = ", ".join(map(str, facts.blocked[:5])) + (" …" if len(facts.blocked) > 5 else "")
        return warning(
            "RTP ports", about, f"Other programs have {len(facts.blocked)} of {total}: {named}.",
            "Choose an rtp.ports of Parley's own: Asterisk uses 10000-20000, FreeSWITCH 16384-32768, rtpengine"
            " 30000-40000 unless they are told otherwise.",
        )  # fmt: skip
    if facts.fit < facts.calls:
        return warning(
            "RTP ports", about, f"They are enough for {facts.fit} calls, and sip.max_calls is {facts.calls}.",
            f"Widen rtp.ports to {2 * facts.calls + 2} ports, or lower sip.max_calls.",
        )  # fmt: skip
    return ok("RTP ports", about, f"Free, and enough for {facts.calls} calls.")


def judge_descriptors(limit: int, calls: int) -> Finding:
    """:param limit: open files that the process may have"""
    need = _DESCRIPTORS + _DESCRIPTORS_PER_CALL * calls
    if limit < need:
        return warning(
            "open files", "", f"The limit is {limit}; {calls} calls may need {need}.",
            f"Raise it: LimitNOFILE={max(65536, need)} in the systemd unit, or `ulimit -n`.",
        )  # fmt: skip
    return ok("open files", "", f"The limit is {limit}; {calls} calls may need {need}.")


def judge_disk(path: str, free: int | None, error: str) -> Finding:
    """:param free: bytes, None when it is not known
    :param error: why it cannot be written, empty when it can"""
    if error:
        return failed("data directory", path, f"It cannot be written: {error}.", "Give it to the user who runs Parley.")
    if free is not None and free < _DISK_EMPTY:
        return failed("data directory", path, f"{_size(free)} are free.", "Make room, or move data_dir.")
    if free is not None and free < _DISK_LOW:
        return warning(
            "data directory", path, f"{_size(free)} are free.",
            "Make room: an hour of recordings has about 115 MB.",
        )  # fmt: skip
    return ok("data directory", path, f"It can be written, {_size(free or 0)} are free.")


def judge_clock(synchronised: bool | None) -> Finding:
    """:param synchronised: what the kernel says; None when it does not"""
    if synchronised is None:
        return skipped("clock", "", "The kernel does not say whether the clock is synchronised.")
    if not synchronised:
        return warning(
            "clock", "", "The clock is not synchronised.",
            "Run chrony or systemd-timesyncd (on the host, for a container): certificates, digest nonces and the times"
            " of calls need the right time.",
        )  # fmt: skip
    return ok("clock", "", "Synchronised.")


def _size(free: int) -> str:
    return f"{free / (1 << 30):.1f} GB" if free >= 1 << 30 else f"{free >> 20} MB"
