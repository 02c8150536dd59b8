"""`parley trunks`: each trunk's registration and gateways, from the gateway that runs here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import typer

from gateway.control.client import ControlClient
from gateway.control.messages import GatewayReport, RegistrationReport, TrunkReport
from gateway.settings import Settings
from gateway.trunk.backoff import is_refusal


def run(settings: Settings, *, as_json: bool) -> bool:
    """Print what is known of each trunk; returns whether calls may go out by all of them.

    :raises NoGateway: when none runs here
    """
    with ControlClient(settings.data_dir) as gateway:
        trunks = gateway.trunks()
    if as_json:
        typer.echo(json.dumps([trunk.model_dump(by_alias=True) for trunk in trunks], indent=2))
    else:
        for line in told(trunks):
            typer.echo(line)
    return all(trunk.usable for trunk in trunks)


def told(trunks: Sequence[TrunkReport]) -> Iterator[str]:
    """The trunks in words."""
    if not trunks:
        yield "There is no trunk; name one under trunks in parley.yaml."
    for trunk in trunks:
        title = trunk.name if trunk.label in ("", trunk.name) else f"{trunk.name} ({trunk.label})"
        owner = f", of organisation {trunk.organisation}" if trunk.organisation else ""
        yield f"{title}{owner}: {_told_registration(trunk.registration)}"
        width = max((len(one.name) for one in trunk.gateways), default=0)
        for one in trunk.gateways:
            yield f"  {one.name:{width}}  priority {one.priority}  weight {one.weight}  {_told_reachable(one)}"


def _told_registration(known: RegistrationReport | None) -> str:
    if known is None:
        return "registers nowhere"
    following = "one is on its way" if known.next_try_seconds is None else f"next in {known.next_try_seconds} s"
    if known.registered:
        return f"registered at {known.registrar} for {known.granted_seconds} s more; REGISTER: {following}"
    return f"NOT registered at {known.registrar}: {_told_failure(known)}; REGISTER: {following}"


def _told_failure(known: RegistrationReport) -> str:
    if not known.status:
        return "no answer yet"
    said = f"{known.status} {known.reason}".strip()
    if known.failures > 1:
        said += f", {known.failures} failures in a row"
    if is_refusal(known.status):
        return f"{said}: correct username, password or realm, or make the account there"
    return f"{said}: nobody answers at that address" if known.status == 408 else said


def _told_reachable(gateway: GatewayReport) -> str:
    if gateway.reachable is None:
        return "not known"
    return f"reachable ({gateway.status})" if gateway.reachable else "NOT reachable: no answer to OPTIONS"
