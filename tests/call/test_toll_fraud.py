"""Nobody dials past `gateway.call.outbound`: not the API, the command line, a transfer, nor a redirection."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

import gateway
from gateway.assistant.call_plan import CallPlan, Member
from gateway.call.attempts import Failure
from gateway.call.session import Call
from gateway.errors import ParleyError
from gateway.sip.headers import parse_uri
from gateway.trunk.settings import TrunkSettings
from tests.call.house import House, house

OURS = CallPlan(
    organisation="ours",
    call={"type": "outboundPhoneCall"},
    members=[Member(assistant={"firstMessage": "hi", "model": {"provider": "dialogue"}})],
)
TRUNKS = {
    name: TrunkSettings(name=name, registrar=f"{name}.example", username="100", redirects=5, organisation=owner)
    for name, owner in {"office": None, "ours": "ours", "theirs": "theirs"}.items()
}
USERS = ["", "200@", "+19005551234@", "a:b@", "h@", "a@b@", "200%40h@"]
HOSTS = ["h", "H", "[::1]", "office.example", "theirs.example", "premium.example", "h.premium.example"]
TAILS = [
    "",
    ":5080",
    ";transport=tcp",
    ";maddr=premium.example",
    "?Route=premium.example",
    "\r\nRoute: <sip:x>",
    ">",
    "@x",
]
WANTED = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["+1 900 555 1234", "200", "*97", "front-desk"]),
    st.builds(
        "{}:{}{}{}".format,
        st.sampled_from(["sip", "SIPS", "tel"]),
        st.sampled_from(USERS),
        st.sampled_from(HOSTS),
        st.sampled_from(TAILS),
    ),
)


def may_be_dialled(destination: str, trunk: str | None) -> bool:
    """Said once more in other words: by a trunk of ours to its own host, or directly to host h."""
    uri = parse_uri(destination) if ":" in destination else None
    if uri is None:
        return trunk in ("office", "ours") and not set(destination) & set("@;?<>\r\n ")
    leads_elsewhere = "maddr" in destination.lower() or bool(set(destination) & set("?<>\r\n "))
    return not leads_elsewhere and uri.host == (f"{trunk}.example" if trunk else "h") and trunk != "theirs"


async def dial_in_every_way(h: House, wanted: str, trunk: str | None) -> None:
    plan = OURS.model_copy(update={"call": {**OURS.call, "id": "c"}})
    with suppress(ParleyError):
        await h.gateway.dial_plan(plan, wanted, trunk=trunk, caller=None, ring_seconds=0)
    if trunk != "theirs":  # which is the operator's to use
        with suppress(ParleyError):
            await h.gateway.dial(wanted, trunk=trunk)
    call = await h.gateway.dial_plan(plan, "200", trunk="office", caller=None, ring_seconds=0)
    assert isinstance(call, Call)
    for destination in transfers(wanted):
        with suppress(ParleyError):
            async with h.gateway.services.dial(destination, call):
                pass
    await redirect(h, wanted)


def transfers(wanted: str) -> Iterator[Mapping[str, Any]]:
    yield {"type": "number", "number": wanted}
    yield {"type": "sip", "sipUri": wanted}


async def redirect(h: House, contact: str) -> None:
    """A call whose trunk answers 302."""
    async with h.gateway.outgoing.call(h.endpoint, "200", trunk="office", caller=None, organisation="ours") as begun:
        h.endpoint.dialled[-1].fail(Failure(302, "", (contact,)))
    going_on = asyncio.create_task(begun.dialling.run(lambda attempt: None))
    for _ in range(5):
        await asyncio.sleep(0)
    going_on.cancel()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(WANTED, st.sampled_from([None, *TRUNKS])), min_size=10, max_size=10))
def test_nothing_is_dialled_in_any_way_that_no_setting_allows(asked: list[tuple[str, str | None]]) -> None:
    async def ask(data: Path) -> None:
        async with house(data) as h:
            h.endpoint.known = TRUNKS
            with patch.object(h.gateway, "begin", lambda call: call):  # the calls are not to be talked on
                for wanted, trunk in asked:
                    await dial_in_every_way(h, wanted, trunk)
            assert len(h.endpoint.dialled) >= len(asked)
            sent = [(leg.info.called, leg.info.trunk) for leg in h.endpoint.dialled]
            sent += [(destination, trunk) for destination, trunk, _ in h.endpoint.redialled]
            assert [one for one in sent if not may_be_dialled(*one)] == []

    with TemporaryDirectory() as data:
        asyncio.run(ask(Path(data)))


def test_only_the_calls_behind_the_guard_and_the_operators_own_tools_dial() -> None:
    root = Path(gateway.__file__).parent
    dialling = {
        f"{path.relative_to(root)}: {ast.unparse(node)}"
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("dial", "redial", "makeCall")
    }
    assert dialling == {
        "call/dialling.py: self._dialler.dial",
        "call/dialling.py: self._dialler.redial",
        "call/transfer/handover.py: self._call.services.dial",
        "commands/dial.py: gateway.dial",
        "commands/live_cli.py: command.dial",
        "control/api.py: gateway.dial",
        "doctor/call_probe.py: endpoint.dial",
        "plane/commands.py: command.dial",
        "sip/call.py: self.makeCall",
        "sip/endpoint.py: self._calls.dial",
        "sip/softphone.py: endpoint.dial",
    }
