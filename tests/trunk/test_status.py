from __future__ import annotations

import pytest

from gateway.trunk.registration import RegistrationState
from gateway.trunk.state import GatewayState, TrunkState
from gateway.trunk.status import Condition, TrunkStatuses, condition_of, error_of

WELL = RegistrationState(True, 200, "OK", 300, 0)
PENDING = RegistrationState(False, 0, "", 0, 0)


def refused(status: int, reason: str) -> RegistrationState:
    return RegistrationState(False, status, reason, 0, 1)


def gateways(*reachable: bool | None) -> dict[str, GatewayState]:
    return {f"h{index}": GatewayState(1, 1, one, 0) for index, one in enumerate(reachable)}


@pytest.mark.parametrize(
    ("registration", "reachable", "condition"),
    [
        (WELL, (), Condition.REGISTERED),
        (WELL, (True, False), Condition.REGISTERED),
        (WELL, (False, False), Condition.UNREACHABLE),
        (PENDING, (), Condition.PENDING),
        (refused(403, "Forbidden"), (True,), Condition.UNREGISTERED),
        (None, (True, False), Condition.REACHABLE),
        (None, (False,), Condition.UNREACHABLE),
        (None, (None, False), Condition.UNKNOWN),
        (None, (), Condition.UNKNOWN),
    ],
)
def test_a_trunk_is_in_one_condition(
    registration: RegistrationState | None, reachable: tuple[bool | None, ...], condition: Condition
) -> None:
    state = TrunkState("t", registration, gateways(*reachable))
    assert condition_of(state) is condition
    assert bool(error_of(state)) is (condition in (Condition.UNREGISTERED, Condition.UNREACHABLE))


@pytest.mark.parametrize(
    ("status", "reason", "advice"),
    [
        (403, "Forbidden", "(403 Forbidden); check user name and password."),
        (404, "Not Found", "(404 Not Found); check the user name."),
        (503, "", "(503); check its address, port and firewall."),
        (423, "Interval Too Brief", "The registration failed: 423 Interval Too Brief."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_what_to_check(status: int, reason: str, advice: str) -> None:
    assert error_of(TrunkState("t", refused(status, reason))).endswith(advice)
    told = error_of(TrunkState("t", None, {"b": GatewayState(1, 1, False, 0), "a": GatewayState(1, 1, False, 408)}))
    assert told == "No OPTIONS is answered by a (408), b; check address, port and firewall."


def test_since_when_it_is_so_and_what_went_wrong_last_are_kept() -> None:
    statuses = TrunkStatuses()

    def at(ms: int, registration: RegistrationState) -> tuple[str, int, str, int | None]:
        one = statuses.follow({"t": TrunkState("t", registration)}, ms)["t"]
        return one.condition, one.since_ms, one.last_error[-9:], one.error_at_ms

    assert at(1000, WELL) == ("registered", 1000, "", None)
    assert at(2000, WELL) == ("registered", 1000, "", None)
    assert at(3000, refused(403, "Forbidden")) == ("unregistered", 3000, "password.", 3000)
    assert at(4000, refused(403, "Forbidden")) == ("unregistered", 3000, "password.", 3000)
    assert at(5000, refused(404, "Not Found")) == ("unregistered", 3000, "ser name.", 5000)
    assert at(6000, WELL) == ("registered", 6000, "ser name.", 5000)
    assert at(7000, refused(404, "Not Found")) == ("unregistered", 7000, "ser name.", 7000)
    assert statuses.follow({}, 8000) == {}
