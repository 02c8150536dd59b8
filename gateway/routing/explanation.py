"""Routes and decisions in words, for `parley check` and `parley route test`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.routing.decision import Decision, Judged
from gateway.routing.pattern import ANYTHING
from gateway.routing.settings import RouteSettings


def told_conditions(route: RouteSettings) -> str:
    """Which calls a route takes: calls from trunk office to +1555*."""
    words = ["calls"]
    if route.trunk:
        words.append(f"from trunk {route.trunk}")
    if route.caller:
        words.append(f"of {route.caller}")
    words.append(f"to {'any number' if route.number == ANYTHING else route.number}")
    words += [f"with {name}: {pattern}" for name, pattern in route.headers.items()]
    if route.when is not None:
        words.append(f"at {route.when}")
    return " ".join(words)


def told_answer(route: RouteSettings) -> str:
    """Who answers, and what happens when nobody can."""
    fallback = f", else {_told(route.fallback.shown())}" if route.fallback else ""
    if route.assistant:
        return f"assistant {route.assistant}{fallback}"
    if route.split:
        whole = sum(route.split.values())
        shares = ", ".join(f"{name} {weight / whole:.0%}" for name, weight in route.split.items())
        return f"assistants {shares}{fallback}"
    if route.server is not None:
        return f"whom the server {route.server.url} names{fallback}"
    return _told(route.destination.shown()) if route.destination else "nobody"


def told_routes(judged: tuple[Judged, ...]) -> Iterator[str]:
    """A line for each route: whether it fits, and why or why not."""
    taken = False
    for one in judged:
        name = f" {one.route.name}" if one.route.name else ""
        mark = "no " if not one.matched else "-  " if taken else "yes"
        why = [condition.text for condition in one.conditions if condition.holds == one.matched]
        reason = "; ".join(why) or "it takes every call"
        late = " (an earlier route has the call)" if one.matched and taken else ""
        yield f"{mark} routes[{one.index}]{name}: {reason}{late}"
        taken = taken or one.matched


def told_decision(decision: Decision) -> str:
    """Who has the call."""
    route, where = decision.route, next(one.index for one in decision.judged if one.matched)
    drawn = f"assistant {decision.assistant} (drawn of the split by the Call-ID)" if route.split else ""
    return f"routes[{where}]: {drawn or told_answer(route)}"


def _told(destination: dict[str, str]) -> str:
    return f"sent on to {destination.get('number') or destination.get('sipUri')}"
