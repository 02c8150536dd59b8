"""`parley route test`: the decision about a call that nobody makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import typer

from gateway.call.leg import Direction, LegInfo
from gateway.control.client import ControlClient
from gateway.control.messages import RouteQuestion
from gateway.errors import ConfigError, NoGateway, NoRoute
from gateway.routing.decision import Decision, decide, judge
from gateway.routing.explanation import told_decision, told_routes
from gateway.settings import Settings
from gateway.sip.headers import user_part


@dataclass(frozen=True, slots=True)
class Asked:
    """The call that is asked about, as it was typed. `headers` are NAME=VALUE."""

    number: str
    trunk: str | None
    caller: str
    headers: Sequence[str]
    at: str | None
    call_id: str


def run(settings: Settings, asked: Asked) -> None:
    """Print every route with its reason, and who answers.

    :raises ConfigError: what is asked cannot be read
    :raises NoRoute: nobody answers
    """
    info, at = _info(asked, settings), _moment(asked.at)
    judged = judge(info, settings.routes, at)
    for line in told_routes(judged):
        typer.echo(line)
    try:
        decision: Decision | None = decide(info, settings.routes, at)
    except NoRoute:
        decision = None
    if decision is not None:
        typer.echo(f"=> {told_decision(decision)}")
        return
    lines, answered = _asked_of_gateway(settings, info)
    for line in lines:
        typer.echo(line)
    if not answered:
        raise NoRoute(f"Nobody answers {asked.number}: no route takes it, and no number of the API that is known here.")


def _asked_of_gateway(settings: Settings, info: LegInfo) -> tuple[Sequence[str], bool]:
    if not settings.api.enabled:
        return ["no  numbers of the API: api.enabled is false"], False
    question = RouteQuestion(called=info.called, number=info.number, caller=info.caller, trunk=info.trunk)
    try:
        with ControlClient(settings.data_dir) as gateway:
            answer = gateway.explain(question)
    except NoGateway as error:
        return [f"?   numbers of the API: {error}"], False
    return answer.lines, answer.answered


def _info(asked: Asked, settings: Settings) -> LegInfo:
    if asked.trunk is not None and asked.trunk not in (names := [trunk.name for trunk in settings.trunks]):
        typer.echo(f"note: there is no trunk {asked.trunk!r} in the settings ({', '.join(names) or 'none'})")
    headers = {}
    for pair in asked.headers:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{pair!r} is no header; write --header X-Name=value.")
        headers[name.strip()] = value
    is_uri = asked.number.lower().startswith(("sip:", "sips:", "tel:"))
    return LegInfo(
        direction=Direction.INBOUND,
        caller=asked.caller,
        called=asked.number,
        number=user_part(asked.number) if is_uri else asked.number,
        trunk=asked.trunk,
        signalling_id=asked.call_id,
        headers=headers,
    )


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now().astimezone()
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise ConfigError(f"{text!r} is no time; write --at 2026-11-23T18:00+01:00.") from None
