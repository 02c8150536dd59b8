"""What happens in an organisation's calls can be followed from any place on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from gateway.errors import BadRequest
from gateway.messages.feed import Feed, FeedMessage, Place, Wanted
from gateway.messages.intake import Intake
from gateway.store.database import Database
from gateway.store.organisations import create_organisation
from tests.messages.journals import CALL_ID, Journal, whole_call
from tests.messages.stored import intake_of, new

ALL = Wanted()


def followed(database: Database) -> tuple[Intake, Feed]:
    feed = Feed(database)
    tell = feed.changed
    return intake_of(database, committed=lambda arrivals: [tell(one.event.organisation_id) for one in arrivals]), feed


async def taken(messages: AsyncIterator[FeedMessage], count: int) -> list[FeedMessage]:
    async with asyncio.timeout(10):
        return [await anext(messages) for _ in range(count)]


def follow(feed: Feed, after: Place = Place(0), wanted: Wanted = ALL) -> AsyncIterator[FeedMessage]:  # noqa: B008
    return feed.follow(feed.database.default_organisation_id, after, wanted)


@pytest.mark.both_databases
async def test_messages_come_in_the_order_of_their_events(database: Database) -> None:
    intake, feed = followed(database)
    messages = follow(feed)
    first = asyncio.create_task(taken(messages, 1))
    await intake.append(new(whole_call().events))
    told = await first + await taken(messages, 23)
    assert told[0].type == "status-update"
    assert told[-1].type == "end-of-call-report"
    assert all(before.place < after.place for before, after in pairwise(told))
    assert {json.loads(one.body)["callId"] for one in told} == {CALL_ID}


@pytest.mark.parametrize("count", [1, 6, 7, 12, 22])
async def test_it_goes_on_behind_any_message(database: Database, count: int) -> None:
    intake, feed = followed(database)
    await intake.append(new(whole_call().events))
    whole = await taken(follow(feed), 24)
    after = Place.read(str(whole[count - 1].place))
    assert await taken(follow(feed, after), 24 - count) == whole[count:]


async def test_only_one_call_and_some_types_are_wanted(database: Database) -> None:
    intake, feed = followed(database)
    await intake.append(new(whole_call().events))
    other = Journal("0c7f3c0e-9d0b-4b5e-8f0a-0f6a6d1f8b11")
    other.opened()
    other.add("ended", reason="customer-ended-call")
    await intake.append(new(other.events))
    told = await taken(follow(feed, wanted=Wanted(other.call_id, ["status-update"])), 2)
    assert [json.loads(one.body)["status"] for one in told] == ["ringing", "ended"]


async def test_another_organisation_hears_nothing(database: Database) -> None:
    async with database.transaction() as session:
        theirs = (await create_organisation(session, "theirs")).id
    intake, feed = followed(database)
    await intake.append(new(whole_call().events))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(feed.follow(theirs, Place(0), ALL))


async def test_a_slow_reader_misses_nothing(database: Database) -> None:
    intake, feed = followed(database)
    messages = follow(feed)
    events = new(whole_call().events)
    await intake.append(events[:1])
    told = await taken(messages, 1)
    for event in events[1:]:
        await intake.append([event])
    told += await taken(messages, 23)
    assert [one.type for one in told] == [one.type for one in await taken(follow(feed), 24)]


@pytest.mark.parametrize("text", ["x", "-1", "1e9", "9" * 30, ""])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        Place.read(text)
