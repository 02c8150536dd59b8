"""A caller of a number with a password, on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.call.door import Door
from gateway.errors import Unauthenticated
from gateway.routing.digest import Expected
from tests.routing.digest_caller import authorization
from tests.sip.exchange import exchange
from tests.sip.party import Party, party

ANN = Expected.of("sip.example.com", "ann", "open sesame")


class Guarded:
    """Lets Ann in, and asks everybody else who they are."""

    def __init__(self) -> None:
        self.door = Door()
        self.admitted = 0

    async def answer(self, leg: Any) -> None:
        try:
            self.door.pass_through(leg.info, ANN)
        except Unauthenticated as refusal:
            await leg.refuse(refusal.status, headers=refusal.headers)
            return
        self.admitted += 1
        await leg.answer()


async def asked(caller: Party, *headers: str) -> list[str]:
    """The challenges that an INVITE gets."""
    caller.request("INVITE", body=caller.sdp(), headers=headers)
    answer = await caller.response(401, "INVITE")
    caller.request("ACK", same_transaction=True)
    caller.to = ""
    return answer.message.all("www-authenticate")


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_a_caller_is_asked_for_its_password_and_then_taken(algorithm: str) -> None:
    guarded = Guarded()
    async with exchange(guarded.answer) as ours, party(ours.address) as ann:
        challenges = await asked(ann)
        assert len(challenges) == 2
        challenge = next(one for one in challenges if algorithm in one)
        uri = f"sip:{ann.user}@{ours.address}"
        said = authorization(challenge, uri=uri)
        await ann.call(headers=(f"Authorization: {said}",))
        await ann.bye()
        assert guarded.admitted == 1


async def test_a_wrong_password_and_a_repeated_answer_are_asked_again() -> None:
    guarded = Guarded()
    async with exchange(guarded.answer) as ours, party(ours.address) as ann:
        challenge = (await asked(ann))[0]
        uri = f"sip:{ann.user}@{ours.address}"
        again = await asked(ann, f"Authorization: {authorization(challenge, uri=uri, password='wrong')}")
        assert "stale" not in again[0]
        right = f"Authorization: {authorization(challenge, uri=uri)}"
        await ann.call(headers=(right,))
        await ann.bye()
        async with party(ours.address) as eve:
            replayed = await asked(eve, right)
            assert replayed[0].endswith("stale=true")
        assert guarded.admitted == 1
