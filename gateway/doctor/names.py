"""Whether the host of a trunk has addresses, and which. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.doctor.finding import Finding, failed, ok
from gateway.trunk.targets import Target


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a name stands for; `problem` is a sentence when it stands for nothing. `addresses6` are of AAAA records."""

    name: str
    transport: str
    targets: Sequence[Target] = ()
    addresses6: Sequence[str] = ()
    problem: str = ""


def judge_name(facts: NameFacts) -> Finding:
    """A host name of a trunk."""
    if not facts.targets and not facts.addresses6:
        return failed(
            "DNS", facts.name, facts.problem or "The name has no address.",
            f"Correct the name, or the name server of this machine (/etc/resolv.conf): `dig SRV"
            f" _sip._{facts.transport}.{facts.name}` and `dig {facts.name}` must answer. A"
            " name of the office's own network stands in its own name server only.",
        )  # fmt: skip
    told = [f"{one.address}:{one.port}{_rank(one, facts.targets)}" for one in facts.targets]
    told += [f"[{address}]" for address in facts.addresses6]
    return ok("DNS", facts.name, f"{', '.join(told)}.")


def _rank(target: Target, targets: Sequence[Target]) -> str:
    return f" (priority {target.priority})" if len({one.priority for one in targets}) > 1 else ""
