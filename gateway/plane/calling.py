"""Calls that the API begins: planned, kept in the store, and then a gateway is told to dial.

What is wrong before the gateway was told refuses the request and leaves nothing behind. What goes wrong afterwards
stands in the call.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import structlog

from gateway.assistant.call_plan import CallPlan
from gateway.assistant.masking import without_secrets
from gateway.assistant.reading import FieldWarning
from gateway.campaigns.kept_requests import kept_request
from gateway.campaigns.numbers import require_unlisted
from gateway.errors import (
    ApiError,
    BadRequest,
    CommandRefused,
    InvalidAssistant,
    NotFound,
    TooManyCalls,
    Unavailable,
    Unprocessable,
)
from gateway.plane.call_limits import CallLimits
from gateway.plane.call_request import Asked, asked_calls, command_of, dialled, latest_at, scheduled_at, with_urls
from gateway.plane.credential_trunks import PROVIDER
from gateway.plane.intake import Intake
from gateway.plane.kept_plans import forget_plan, keep_plan
from gateway.plane.plan_maker import CallFacts, PlanMaker
from gateway.plane.planning import Wanted
from gateway.plane.server import AttachedGateway, PlaneServer
from gateway.plane.shelf import Body
from gateway.plane.unheld import lost_call, unheld_call
from gateway.plane.v1 import plane_pb2 as pb
from gateway.store import contacts
from gateway.store.calls import CallRow, Calls, find_call
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.events import last_event
from gateway.store.idempotency import remember
from gateway.store.key_cache import KeyHolder
from gateway.store.secrets import Secrets

log = structlog.get_logger(__name__)

CANCELED = "manually-canceled"
NEVER_CONNECTED = "call.in-progress.error-providerfault-transport-never-connected"
START_FAILED = "call.start.error-get-resources-validation"
NO_GATEWAY = "call.start.error-get-transport"
RETRY_AFTER_SECONDS = 5
_UNKNOWN = 504
"""The gateway did not say whether it dials: it may."""


class Calling:
    """Begins and ends calls for the API."""

    def __init__(
        self,
        database: Database,
        secrets: Secrets,
        server: PlaneServer,
        maker: PlanMaker,
        intake: Intake,
        limits: CallLimits,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._server = server
        self._maker = maker
        self._intake = intake
        self._limits = limits

    async def create_calls(
        self, holder: KeyHolder, body: Mapping[str, Any], idempotency_key: str | None, *, web: bool = False
    ) -> dict[str, Any]:
        """Plan and start calls.

        :param body: CreateCallDTO; `customers` makes a batch
        :param web: POST /call/web
        :returns: the Call, or {results, errors} of a batch
        :raises ApiError: when nothing was dialled; afterwards faults stand in the call
        """
        organisation = holder.organisation_id
        seed = None if idempotency_key is None else call_seed(self._secrets, organisation, idempotency_key)
        asked = asked_calls(body, organisation=organisation, seed=seed, web=web)
        if idempotency_key is not None and (known := await self._known(organisation, idempotency_key, body, asked)):
            return {"results": known, "errors": []} if "customers" in body else known[0]
        if "customers" not in body:
            return await self._begin(organisation, asked[0])
        results: list[Body] = []
        errors: list[Body] = []
        away = 0
        for one in asked:
            try:
                results.append(await self._begin(organisation, one))
            except ApiError as error:
                errors.append({"customer": one.customer, "error": str(error)})
                away += isinstance(error, Unavailable)
        if away and away == len(asked) and not self._server.gateways:
            raise Unavailable(errors[0]["error"], retry_after=RETRY_AFTER_SECONDS)
        return {"results": results, "errors": errors}

    async def begin_call(self, organisation: str, body: Mapping[str, Any], call: Mapping[str, Any]) -> Body:
        """Begin a call whose contact is claimed: one of a campaign, or a call of the API once more.

        :param body: CreateCallDTO for one customer
        :param call: fields of the Call, with its id
        :raises ApiError: nothing was dialled, and nothing is left
        """
        (asked,) = asked_calls(body, organisation=organisation, seed=None, web=False)
        asked.call.update(call)
        dialled(asked)
        row, _ = await self._dial(organisation, asked, create=True)
        return row.shown()

    async def end_call(self, call_id: str) -> None:
        """End a call that waits, is being dialled or is live; another stays as it is."""
        async with self._database.reading() as session:
            row = await find_call(session, call_id)
        if row is None or row.status == "ended":
            return
        gateway = self._server.gateway_of(call_id)
        if gateway is None:
            if row.status in ("scheduled", "queued"):
                await self.end_unheld(row, CANCELED, "It was canceled before it began.")
            return
        try:
            await gateway.command(pb.Command(control=pb.Control(call_id=call_id, json='{"type": "end-call"}')))
        except CommandRefused as error:
            log.info("call not ended", call=call_id, detail=str(error))

    async def begin_scheduled(self, row: CallRow) -> None:
        """The time of a scheduled call has come. What is wrong stands in the call."""
        if (latest := latest_at(row.body)) is not None and clock.now() > latest:
            await self.end_unheld(row, NO_GATEWAY, "It could not begin before schedulePlan.latestAt.")
            return
        body = {**row.body, "id": row.id, "orgId": row.organisation_id, "status": "queued"}
        asked = Asked(body, body.get("customer"), row.phone_number_id, None)
        try:
            await self._dial(row.organisation_id, asked, create=False)
        except (Unavailable, TooManyCalls):
            return  # a gateway, or a place, may be there in a moment
        except ApiError as error:
            await self.end_unheld(row, START_FAILED, str(error))

    async def end_unheld(self, row: CallRow, reason: str, detail: str) -> None:
        """The call ends though no gateway has it; one that has ended stays as it is."""
        async with self._database.reading() as session:
            last = await last_event(session, row.organisation_id, row.id)
        if last is not None:
            await self._intake.append(lost_call(last, reason, detail))
            return
        call = without_secrets({**row.body, "id": row.id})
        plan = {"organisation": row.organisation_id, "call": call, "members": []}
        await self._intake.append(unheld_call(call, plan, reason, detail, now_ms()))

    # ------------------------------------------------------------ one call

    async def _begin(self, organisation: str, asked: Asked) -> Body:
        if asked.audio_format is None:
            dialled(asked)
        if not asked.has_contact:
            return await self._begin_known(organisation, asked)
        # Beforehand: the call is made again also when nobody here sees its end.
        async with self._database.transaction() as session:
            await contacts.add_claimed(session, organisation, asked.id, kept_request(self._secrets, asked.call))
        try:
            return await self._begin_known(organisation, asked)
        except ApiError:
            async with self._database.transaction() as session:
                await contacts.forget_claimed(session, asked.id)
            raise

    async def _begin_known(self, organisation: str, asked: Asked) -> Body:
        at = scheduled_at(asked.call, clock.now())
        if at is not None:
            return await self._schedule(organisation, asked)
        row, warnings = await self._dial(organisation, asked, create=True)
        shown = row.shown()
        return {**shown, "warnings": [one.shown() for one in warnings]} if warnings else shown

    async def _schedule(self, organisation: str, asked: Asked) -> Body:
        number, _ = await self._through(organisation, asked.phone_number_id)
        _, warnings = await self._planned(organisation, asked, number)
        async with self._database.transaction() as session:
            await require_unlisted(session, organisation, asked.customer)
            row = await Calls(session, organisation).create({**asked.call, "status": "scheduled"}, id=asked.id)
            if asked.has_contact:
                await contacts.begun(session, asked.id)
        shown = row.shown()
        return {**shown, "warnings": [one.shown() for one in warnings]} if warnings else shown

    async def _dial(self, organisation: str, asked: Asked, *, create: bool) -> tuple[CallRow, Sequence[FieldWarning]]:
        """:param create: the call's row is not there yet
        :raises ApiError: nothing was dialled, and nothing is left"""
        gateway = self._server.choose()
        number, trunk = await self._through(organisation, asked.phone_number_id)
        plan, warnings = await self._planned(organisation, asked, number)
        monitor = plan.members[0].assistant.get("monitorPlan")
        # Records, messages and tools' requests show the Call; the members keep the secrets of what it names.
        shown = without_secrets(plan.call)
        call = with_urls(shown, gateway.public_url, monitor if isinstance(monitor, Mapping) else {})
        plan = plan.model_copy(update={"call": call})
        command = command_of(asked, plan.model_dump_json(by_alias=True), number, trunk)
        async with self._limits.place(organisation, asked.id):
            async with self._database.transaction() as session:
                if asked.audio_format is None:
                    await require_unlisted(session, organisation, asked.customer)
                calls = Calls(session, organisation)
                if create:
                    row = await calls.create(call, id=asked.id, gateway=gateway.name)
                    if asked.has_contact:
                        await contacts.begun(session, asked.id)
                else:
                    row = await calls.update(asked.id, call, gateway=gateway.name)
                await keep_plan(session, self._secrets, plan)
            gateway.calls.add(asked.id)
        await self._tell(gateway, command, row, asked, create=create)
        return row, warnings

    async def _tell(
        self, gateway: AttachedGateway, command: pb.Command, row: CallRow, asked: Asked, *, create: bool
    ) -> None:
        try:
            await gateway.command(command)
        except CommandRefused as error:
            if error.status == _UNKNOWN:
                log.warning("dialling is not confirmed", call=row.id, detail=str(error))
                return
            gateway.calls.discard(row.id)
            async with self._database.transaction() as session:
                await forget_plan(session, row.organisation_id, row.id)
                if create:
                    await Calls(session, row.organisation_id).delete(row.id)
                    if asked.has_contact:
                        await contacts.not_begun(session, row.id)
                else:
                    await Calls(session, row.organisation_id).update(row.id, {**asked.call, "status": "scheduled"})
            _refuse(error)

    async def _through(self, organisation: str, number_id: str | None) -> tuple[Body | None, str | None]:
        """The phone number that a call goes through, and the trunk: that of the number's credential, or the one of the
        settings with its name."""
        if number_id is None:
            return None, None
        async with self._database.reading() as session:
            kept = Entities(session, organisation)
            try:
                number = await kept.get(Kind.PHONE_NUMBER, number_id)
            except NotFound:
                raise BadRequest([f"phoneNumberId names no phone number of this organisation: {number_id}"]) from None
            credential_id = number.body.get("credentialId")
            try:
                credential = await kept.get(Kind.CREDENTIAL, credential_id) if credential_id else None
            except NotFound:
                raise BadRequest([f"phoneNumber.credentialId names no credential: {credential_id}"]) from None
        return {**number.body, "id": number.id}, _trunk_of(credential)

    async def _planned(
        self, organisation: str, asked: Asked, number: Body | None
    ) -> tuple[CallPlan, Sequence[FieldWarning]]:
        customer = asked.customer if isinstance(asked.customer, Mapping) else {}
        try:
            return await self._maker.plan(
                organisation, Wanted.of(asked.call, customer), CallFacts(asked.call, phone_number=number)
            )
        except InvalidAssistant as error:
            raise BadRequest(error.problems) from error

    async def _known(
        self, organisation: str, key: str, body: Mapping[str, Any], asked: Sequence[Asked]
    ) -> Sequence[Body]:
        """The calls that began when the same request came before; none for a new key."""
        async with self._database.transaction() as session:
            earlier = await remember(session, organisation, key, body, asked[0].id)
            if earlier is None:
                return []
            if not earlier.same:
                raise Unprocessable("This Idempotency-Key came with another body before; use another key.")
            rows = [await find_call(session, one.id) for one in asked]
        return [row.shown() for row in rows if row is not None and row.organisation_id == organisation]


def _trunk_of(credential: Entity | None) -> str | None:
    if credential is None:
        return None
    if credential.body.get("provider") == PROVIDER and credential.body.get("gateways"):
        return credential.id
    return str(credential.body["name"]) if credential.body.get("name") else None


def call_seed(secrets: Secrets, organisation: str, key: str) -> bytes:
    """Of the ids of the calls that an idempotency key begins. Who knows an id may listen: nobody can work it out."""
    told = f"{organisation} {key}".encode("utf-8", "surrogatepass")
    return hmac.digest(secrets.derived_key("ids of calls"), told, "sha256")


def _refuse(error: CommandRefused) -> NoReturn:
    if error.status >= 500:
        raise Unavailable(str(error), retry_after=RETRY_AFTER_SECONDS) from error
    raise BadRequest(str(error)) from error


def now_ms() -> int:
    """The wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000
