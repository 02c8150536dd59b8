"""Whether the host of a trunk has addresses, and which. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.doctor.finding import Finding, failed, ok
from gateway.sip.lookup import PRIORITIES
from gateway.trunk.targets import Target


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a name stands for; `problem` is a sentence when it stands for nothing that can be reached. `beyond` are its
    addresses then of the family that we have none of."""

    name: str
    transport: str
    targets: Sequence[Target] = ()
    problem: str = ""
    beyond: Sequence[str] = ()


def judge_name(facts: NameFacts) -> Finding:
    """A host name of a trunk."""
    if not facts.targets and facts.beyond:
        return _judge_family(facts)
    if not facts.targets:
        return failed(
            "DNS", facts.name, facts.problem or "The name has no address.",
            f"Correct the name, or the name server of this machine (/etc/resolv.conf): `dig SRV"
            f" _sip._{facts.transport}.{facts.name}` and `dig {facts.name}` must answer. A"
            " name of the office's own network stands in its own name server only.",
        )  # fmt: skip
    told = [f"{_place(one)}{_rank(one, facts.targets)}" for one in facts.targets]
    return ok("DNS", facts.name, f"{', '.join(told)}.")


def _judge_family(facts: NameFacts) -> Finding:
    """The name is known, and of no use here."""
    ipv6 = ":" in facts.beyond[0]
    theirs, ours, any_host = ("IPv6", "IPv4", "::") if ipv6 else ("IPv4", "IPv6", "0.0.0.0")  # noqa: S104  an example
    return failed(
        "DNS", facts.name, f"The name has {theirs} addresses only ({', '.join(facts.beyond)}), and sip.host is {ours}.",
        f'Add an {theirs} address of this machine to sip.host, or "{any_host}" for all of them.',
    )  # fmt: skip


def _place(target: Target) -> str:
    return f"[{target.address}]:{target.port}" if ":" in target.address else f"{target.address}:{target.port}"


def _rank(target: Target, targets: Sequence[Target]) -> str:
    """The priority of its SRV record, where they differ."""
    differ = len({one.priority % PRIORITIES for one in targets}) > 1
    return f" (priority {target.priority % PRIORITIES})" if differ else ""
