"""A request for calls, POST /call, taken apart. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import phonenumbers

from gateway.carriers.audio_format import AudioFormat
from gateway.errors import BadRequest
from gateway.plane.v1 import plane_pb2 as pb

MOST_CUSTOMERS = 1000
WEBSOCKET = "vapi.websocket"

_NAMESPACE = uuid.UUID("0c7f3c0e-9d0b-5b5e-8f0a-0f6a6d1f8b11")
_KEPT = (
    *("assistantId", "assistant", "assistantOverrides", "squadId", "squad", "squadOverrides", "name", "schedulePlan"),
    "retry",
)
"""Fields of the request that the Call shows."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a request. `call` is Vapi's Call as far as it is known."""

    call: Body
    customer: Body | None
    phone_number_id: str | None
    audio_format: AudioFormat | None

    @property
    def ring_seconds(self) -> int:
        """transport.dialTimeout; 0 where the request says nothing."""
        transport = self.call.get("transport")
        seconds = transport.get("dialTimeout") if isinstance(transport, Mapping) else None
        return round(seconds) if isinstance(seconds, int | float) else 0

    @property
    def id(self) -> str:
        """Of the call."""
        return str(self.call["id"])

    @property
    def has_contact(self) -> bool:
        """Whether a contact in the store follows the call: of a campaign, or because it may be made again."""
        return self.audio_format is None and any(self.call.get(name) for name in ("campaignId", "retry"))


def asked_calls(body: Mapping[str, Any], *, organisation: str, seed: bytes | None, web: bool) -> Sequence[Asked]:
    """The calls of a request, one for each customer of a batch.

    :param seed: 32 bytes of an idempotency key: the same ones give calls the same ids; None for ids of their own
    :param web: POST /call/web
    :raises BadRequest: the request as a whole makes no sense
    """
    transport = body.get("transport")
    transport = transport if isinstance(transport, Mapping) else {}
    if web or transport.get("provider") == WEBSOCKET:
        if body.get("phoneNumberId") or body.get("phoneNumber"):
            raise BadRequest(["phoneNumberId is not allowed for a call without a telephone; leave it out"])
        kind = "webCall" if web else "vapi.websocketCall"
        customer = body.get("customer")
        call = _call(body, organisation, seed, 0, kind, customer)
        call["transport"] = {**transport, "provider": WEBSOCKET, "conversationType": "voice"}
        return [Asked(call, customer, None, _audio_format(transport))]
    batch = body.get("customers")
    if batch is not None and (not isinstance(batch, list) or not 1 <= len(batch) <= MOST_CUSTOMERS):
        raise BadRequest([f"customers must be a list of 1 to {MOST_CUSTOMERS}"])
    customers = batch if batch is not None else [body.get("customer")]
    number_id = body.get("phoneNumberId")
    asked = []
    telephone = _telephone(transport)
    for index, customer in enumerate(customers):
        call = _call(body, organisation, seed, index, "outboundPhoneCall", customer)
        if number_id:
            call["phoneNumberId"] = number_id
        asked.append(Asked(call | telephone, customer, number_id and str(number_id), None))
    return asked


def _telephone(transport: Mapping[str, Any]) -> Body:
    """What the Call says of its way. :raises BadRequest: the time to ring is none"""
    ring = transport.get("dialTimeout")
    if ring is None:
        return {"phoneCallTransport": "sip"}
    if isinstance(ring, bool) or not isinstance(ring, int | float) or not 1 <= ring <= 600:
        raise BadRequest(["transport.dialTimeout must be a number from 1 to 600: seconds to ring"])
    return {"phoneCallTransport": "sip", "transport": {"provider": "vapi.sip", "dialTimeout": ring}}


def _call(
    body: Mapping[str, Any], organisation: str, seed: bytes | None, index: int, kind: str, customer: object
) -> Body:
    id_ = uuid.uuid4() if seed is None else uuid.uuid5(_NAMESPACE, f"{seed.hex()} {index}")
    call = {"id": str(id_), "orgId": organisation, "type": kind, "status": "queued"}
    call |= {name: body[name] for name in _KEPT if body.get(name) is not None}
    return call | ({"customer": customer} if isinstance(customer, Mapping) else {})


def _audio_format(transport: Mapping[str, Any]) -> AudioFormat:
    try:
        return AudioFormat.model_validate(transport.get("audioFormat") or {})
    except ValueError:
        raise BadRequest(
            ["transport.audioFormat must be {format: pcm_s16le or mulaw, container: raw, sampleRate: 3000..192000}"]
        ) from None


def dialled(asked: Asked) -> str:
    """The number or SIP URI of the customer.

    :raises BadRequest: there is none, or one that cannot be called
    """
    customer = asked.customer
    if not isinstance(customer, Mapping):
        raise BadRequest(["customer must be set: {number: +15551234567} or {sipUri: sip:name@host}"])
    if uri := customer.get("sipUri"):
        return str(uri)
    number = str(customer.get("number") or "")
    if not number:
        raise BadRequest(["customer.number or customer.sipUri must be set"])
    if customer.get("numberE164CheckEnabled", True) and not _is_e164(number):
        raise BadRequest(
            ["customer.number must be in E.164, such as +15551234567; numberE164CheckEnabled: false lets others pass"]
        )
    return number


def _is_e164(number: str) -> bool:
    try:
        return number.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def scheduled_at(call: Mapping[str, Any], now: datetime) -> datetime | None:
    """When a call is to begin that is not to begin now.

    :raises BadRequest: the plan cannot be kept
    """
    plan = call.get("schedulePlan")
    if not isinstance(plan, Mapping):
        return None
    earliest, latest = _time(plan, "earliestAt"), _time(plan, "latestAt")
    if earliest is None:
        raise BadRequest(["schedulePlan.earliestAt must be a time, such as 2026-01-31T09:00:00Z"])
    if latest is not None and (latest < earliest or latest < now):
        raise BadRequest(["schedulePlan.latestAt must not be over, nor before earliestAt"])
    return earliest if earliest > now else None


def latest_at(call: Mapping[str, Any]) -> datetime | None:
    """When a scheduled call is not begun any more."""
    plan = call.get("schedulePlan")
    return _time(plan, "latestAt") if isinstance(plan, Mapping) else None


def _time(plan: Mapping[str, Any], name: str) -> datetime | None:
    if plan.get(name) is None:
        return None
    try:
        at = datetime.fromisoformat(str(plan[name]))
    except ValueError:
        raise BadRequest([f"schedulePlan.{name} must be a time, such as 2026-01-31T09:00:00Z"]) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def command_of(asked: Asked, plan_json: str, number: Mapping[str, Any] | None, trunk: str | None) -> pb.Command:
    """What a gateway is told to do for a call.

    :param number: the organisation's, through which it goes
    :param trunk: of the gateway's settings
    :raises BadRequest: as `dialled`
    """
    if asked.audio_format is not None:
        audio = asked.audio_format
        return pb.Command(
            open_transport=pb.OpenTransport(plan_json=plan_json, format=audio.format, sample_rate=audio.sample_rate)
        )
    destination = dialled(asked)
    caller = str((number or {}).get("number") or (number or {}).get("sipUri") or "")
    direct = destination.lower().startswith(("sip:", "sips:"))
    return pb.Command(
        dial=pb.Dial(
            plan_json=plan_json,
            destination=destination,
            trunk="" if direct else trunk or "",
            caller=caller if caller.startswith("sip") or not direct else "",
            ring_seconds=asked.ring_seconds,
        )
    )


def with_urls(call: Body, public_url: str, monitor: Mapping[str, Any]) -> Body:
    """The call with the addresses of its gateway, which are known when one was chosen.

    :param public_url: of the gateway's media port, http
    :param monitor: the first assistant's monitorPlan
    """
    base = f"{public_url}/call/{call['id']}"
    socket = base.replace("http", "ws", 1)
    urls = {}
    if monitor.get("listenEnabled", True):
        urls["listenUrl"] = f"{socket}/listen"
    if monitor.get("controlEnabled", True):
        urls["controlUrl"] = f"{base}/control"
    shown = {**call, "monitor": urls}
    if "transport" in call and call["transport"].get("provider") == WEBSOCKET:
        shown["transport"] = {**call["transport"], "websocketCallUrl": f"{socket}/transport"}
        if call["type"] == "webCall":
            shown["webCallUrl"] = f"{socket}/transport"
    return shown
