"""Messages leave the outbox: in order, again after a failure, and without waiting for those who hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.responses import Response

from gateway.egress import guarded_client
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.entities import Entities, Kind
from gateway.store.outbox import Delivery, DeliveryState, NewDelivery
from gateway.store.secrets import Secrets
from gateway.webhooks.attempt import Postman
from gateway.webhooks.run import Added
from gateway.webhooks.sender import Sender
from tests.webhooks.hooks import hook

SECRETS = Secrets(Fernet.generate_key())
QUICK: dict[str, Any] = {"backoffPlan": {"type": "fixed", "maxRetries": 3, "baseDelaySeconds": 0.01}}


@asynccontextmanager
async def sending(
    database: Database, *, allow: tuple[str, ...] = ("127.0.0.1",), per_host: int = 8, seconds: float = 60
) -> AsyncIterator[Sender]:
    async with guarded_client(allow) as client, httpx.AsyncClient() as operators:
        postman = Postman(database, SECRETS, client=client, operators=operators)
        sender = Sender(database, postman, seconds=seconds, per_host=per_host, keep=timedelta(days=1))
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            task.cancel()
            await asyncio.wait((task,))


async def add(database: Database, url: str, text: str = "{}", *, call: str = "call-1", **server: Any) -> int:
    async with database.transaction() as session:
        return await outbox.add(
            session,
            database.default_organisation_id,
            stream=f"{url.split('/')[2]}/{call}",
            type="status-update",
            server={"url": url, **server},
            body=text,
            call_id=call,
        )


async def add_fresh(database: Database, sender: Sender, url: str, *texts: str, **server: Any) -> Added:
    """As an intake does, but for `send`."""
    owner, stream = database.default_organisation_id, f"{url.split('/')[2]}/call-1"
    new = [NewDelivery(owner, stream, "status-update", {"url": url, **server}, text, "call-1") for text in texts]
    async with database.transaction() as session:
        return await sender.add(session, new)


async def settled(database: Database, position: int) -> Delivery:
    async with asyncio.timeout(10):
        while True:
            async with database.reading() as session:
                listed = await outbox.list_deliveries(session, database.default_organisation_id)
            (found,) = [one for one in listed if one.position == position]
            if found.state is not DeliveryState.PENDING:
                return found
            await asyncio.sleep(0.005)


async def test_a_message_is_posted_as_it_was_written(database: Database) -> None:
    async with hook() as server, sending(database) as sender:
        position = await add(database, server.url, '{"message":{"text":"é"}}', secret="s3", headers={"X-Team": "red"})
        sender.wake()
        (post,) = await server.got(1)
        delivered = await settled(database, position)
    assert post.body == '{"message":{"text":"é"}}'.encode()
    assert post.headers["content-type"] == "application/json"
    assert post.headers["x-vapi-secret"] == "s3"
    assert post.headers["x-team"] == "red"
    assert post.headers["x-parley-delivery"] == str(position)
    assert (delivered.state, delivered.status, delivered.attempts) == (DeliveryState.DONE, 200, 1)


async def test_the_messages_of_a_call_keep_their_order_through_failures(database: Database) -> None:
    def third_time(number: int) -> Response:
        return Response(status_code=200 if number > 2 else 503)

    async with hook(third_time) as server, sending(database) as sender:
        for number in range(4):
            await add(database, server.url, str(number), **QUICK)
        sender.wake()
        posts = await server.got(6)
    assert [post.body for post in posts] == [b"0", b"0", b"0", b"1", b"2", b"3"]
    assert len({post.headers["x-parley-delivery"] for post in posts[:3]}) == 1
    assert [post.headers["x-parley-attempt"] for post in posts[:3]] == ["1", "2", "3"]


async def test_after_the_last_try_a_message_is_kept_and_the_next_one_goes(database: Database) -> None:
    async with hook(lambda number: Response("no such thing", status_code=404)) as server, sending(database) as sender:
        first = await add(database, server.url, "first", **QUICK)
        last = await add(database, server.url, "second", **QUICK)
        sender.wake()
        dead = await settled(database, first)
        await settled(database, last)
    assert (dead.state, dead.status, dead.attempts) == (DeliveryState.DEAD, 404, 4)
    assert dead.error == "The server answered 404: no such thing"
    assert [post.body for post in server.posts] == [b"first"] * 4 + [b"second"] * 4


async def test_what_was_given_up_is_delivered_when_it_is_replayed(database: Database) -> None:
    def second_time(number: int) -> Response:
        return Response(status_code=200 if number > 1 else 500)

    async with hook(second_time) as server, sending(database, seconds=0) as sender:
        position = await add(database, server.url)
        sender.wake()
        assert (await settled(database, position)).state is DeliveryState.DEAD
        async with database.transaction() as session:
            await outbox.replay(session, database.default_organisation_id, position)
        sender.wake()
        assert (await settled(database, position)).state is DeliveryState.DONE


async def test_a_server_that_hangs_delays_no_other(database: Database) -> None:
    async with hook(hangs=True) as stuck, hook() as well, sending(database, per_host=2) as sender:
        for number in range(100):
            await add(database, stuck.url, call=f"stuck-{number}")
        position = await add(database, well.url, call="well")
        sender.wake()
        assert (await settled(database, position)).state is DeliveryState.DONE
        assert len(stuck.posts) == 2


async def test_what_was_on_its_way_at_the_end_goes_again_at_the_start(database: Database) -> None:
    async with hook(hangs=True) as server:
        async with sending(database) as sender:
            position = await add(database, server.url)
            sender.wake()
            await server.got(1)
        server.let_go()
        async with sending(database):
            delivered = await settled(database, position)
        first, second = server.posts
    assert delivered.state is DeliveryState.DONE
    assert first.body == second.body
    assert first.headers["x-parley-delivery"] == second.headers["x-parley-delivery"]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://127.0.0.1:9/", "cannot be reached"),
        ("http://10.0.0.1/", "egress.allow"),
        ("http://", "cannot be reached"),
        ("not a url", "cannot be reached"),
    ],
)
async def test_why_a_message_could_not_be_delivered_is_told(database: Database, url: str, complaint: str) -> None:
    async with sending(database, seconds=0) as sender:
        position = await add(database, url if "//" in url else f"//x/{url}")
        sender.wake()
        dead = await settled(database, position)
    assert dead.state is DeliveryState.DEAD
    assert complaint in (dead.error or "")


async def test_a_redirect_is_told_and_not_followed(database: Database) -> None:
    moved = Response(status_code=301, headers={"Location": "https://other.example/"})
    async with hook(lambda _: moved) as server, sending(database, seconds=0) as sender:
        position = await add(database, server.url)
        sender.wake()
        dead = await settled(database, position)
    assert dead.error == "The server redirects to https://other.example/; write that URL."


async def test_the_operators_own_servers_may_be_anywhere(database: Database) -> None:
    async with hook() as server, sending(database, allow=()) as sender:
        position = await add(database, server.url, operators=True)
        sender.wake()
        assert (await settled(database, position)).state is DeliveryState.DONE


async def test_a_credential_signs_the_message(database: Database) -> None:
    plan = {"type": "bearer", "token": "sesame"}
    async with database.transaction() as session:
        body = SECRETS.sealed({"provider": "webhook", "authenticationPlan": plan})
        entity = await Entities(session, database.default_organisation_id).create(Kind.CREDENTIAL, body)
    async with hook() as server, sending(database, seconds=0) as sender:
        position = await add(database, server.url, credentialId=entity.id)
        missing = await add(database, server.url, call="other", credentialId="none")
        sender.wake()
        await settled(database, position)
        dead = await settled(database, missing)
    assert [post.headers["authorization"] for post in server.posts] == ["Bearer sesame"]
    assert "names no credential" in (dead.error or "")


async def test_what_was_just_added_leaves_without_being_claimed(database: Database) -> None:
    async with hook() as server, sending(database) as sender:
        await settled(database, await add(database, server.url, "found"))
        first = await add_fresh(database, sender, server.url, "0", "1")
        sender.send(first)
        second = await add_fresh(database, sender, server.url, "2")
        sender.send(second)
        posts = await server.got(4)
        for _, delivery in (*first.claimed, *second.claimed):
            done = await settled(database, delivery.position)
            assert (done.state, done.attempts) == (DeliveryState.DONE, 1)
    assert first.left == 0
    assert [post.body for post in posts] == [b"found", b"0", b"1", b"2"]


async def test_what_was_just_added_waits_behind_what_failed(database: Database) -> None:
    def third_time(number: int) -> Response:
        return Response(status_code=200 if number > 2 else 503)

    async with hook(third_time) as server, sending(database) as sender:
        await settled(database, await add(database, "http://127.0.0.1:9/", **QUICK))
        for texts in (("0", "1"), ("2",), ("3", "4")):
            sender.send(await add_fresh(database, sender, server.url, *texts, **QUICK))
        posts = await server.got(7)
    assert [post.body for post in posts] == [b"0", b"0", b"0", b"1", b"2", b"3", b"4"]
    assert [post.headers["x-parley-attempt"] for post in posts] == ["1", "2", "3", "1", "1", "1", "1"]


async def test_what_was_added_while_an_attempt_failed_goes_back(database: Database) -> None:
    def second_time(number: int) -> Response:
        return Response(status_code=200 if number > 1 else 503)

    async with hook(second_time, hangs=True) as server, sending(database) as sender:
        await settled(database, await add(database, "http://127.0.0.1:9/", **QUICK))
        sender.send(await add_fresh(database, sender, server.url, "0", **QUICK))
        await server.got(1)
        behind = await add_fresh(database, sender, server.url, "1", **QUICK)
        server.let_go()
        await server.got(2)
        sender.send(behind)
        posts = await server.got(3)
        assert (await settled(database, behind.claimed[0][1].position)).state is DeliveryState.DONE
    assert [post.body for post in posts] == [b"0", b"0", b"1"]


async def test_a_server_that_hangs_keeps_few_in_memory_and_the_rest_follows_in_order(database: Database) -> None:
    texts = [str(number) for number in range(40)]
    async with hook(hangs=True) as server, sending(database, per_host=1) as sender:
        await settled(database, await add(database, "http://127.0.0.1:9/", **QUICK))
        sender.send(await add_fresh(database, sender, server.url, *texts))
        await server.got(1)
        server.let_go()
        posts = await server.got(40)
    assert [post.body.decode() for post in posts] == texts
