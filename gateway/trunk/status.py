"""How a trunk does, in one word, since when, and what went wrong last, as people read it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.trunk.registration import RegistrationState
from gateway.trunk.state import TrunkState


class Condition(StrEnum):
    """`pending` before the registrar's first answer, `unknown` where nobody is asked: it neither registers nor has
    gateways that get OPTIONS."""

    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    PENDING = "pending"
    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    """`since_ms` and `error_at_ms` are of the wall clock, ms since 1970. `last_error` is one sentence, empty when
    nothing went wrong; it stays when the trunk is well again."""

    condition: Condition
    since_ms: int
    last_error: str = ""
    error_at_ms: int | None = None


class TrunkStatuses:
    """Of all trunks, followed over time."""

    def __init__(self) -> None:
        self._known: dict[str, TrunkStatus] = {}

    def follow(self, states: Mapping[str, TrunkState], now_ms: int) -> Mapping[str, TrunkStatus]:
        """What is known of each now, by its name; one that is gone is forgotten."""
        self._known = {name: _next(self._known.get(name), state, now_ms) for name, state in states.items()}
        return self._known


def _next(before: TrunkStatus | None, state: TrunkState, now_ms: int) -> TrunkStatus:
    condition, error = condition_of(state), error_of(state)
    after = before or TrunkStatus(condition, now_ms)
    if after.condition is not condition:
        after = replace(after, condition=condition, since_ms=now_ms)
    if error and (error != after.last_error or (before is not None and before.condition is not condition)):
        after = replace(after, last_error=error, error_at_ms=now_ms)
    return after


def condition_of(state: TrunkState) -> Condition:
    """A trunk that is registered, and whose gateways are all known to be down, takes no call of ours."""
    reached = [gateway.reachable for gateway in state.gateways.values()]
    down = bool(reached) and all(one is False for one in reached)
    if state.registration is not None and not state.registration.registered:
        return Condition.UNREGISTERED if state.registration.status else Condition.PENDING
    if down:
        return Condition.UNREACHABLE
    if state.registration is not None:
        return Condition.REGISTERED
    return Condition.REACHABLE if any(reached) else Condition.UNKNOWN


def error_of(state: TrunkState) -> str:
    """What is wrong now; empty when nothing is."""
    if state.registration is not None and not state.registration.registered and state.registration.status:
        return _refused(state.registration)
    if condition_of(state) is not Condition.UNREACHABLE:
        return ""
    answers = {f"{name} ({gateway.status})" if gateway.status else name for name, gateway in state.gateways.items()}
    return f"No OPTIONS is answered by {', '.join(sorted(answers))}; check address, port and firewall."


def _refused(registration: RegistrationState) -> str:
    said = f"{registration.status} {registration.reason}".strip()
    match registration.status:
        case 401 | 403 | 407:
            return f"The registrar refuses the registration ({said}); check user name and password."
        case 404:
            return f"The registrar does not know the account ({said}); check the user name."
        case 408 | 502 | 503 | 504:
            return f"The registrar cannot be reached or is not ready ({said}); check its address, port and firewall."
    return f"The registration failed: {said}."
