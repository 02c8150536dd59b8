"""Why a call ended, in Vapi's words (endedReason), and how a SIP status becomes one."""

from __future__ import annotations

from typing import Final

from gateway.call.leg import Direction

CUSTOMER_ENDED: Final = "customer-ended-call"
CUSTOMER_BUSY: Final = "customer-busy"
CUSTOMER_DID_NOT_ANSWER: Final = "customer-did-not-answer"
ASSISTANT_ENDED: Final = "assistant-ended-call"
MESSAGE_SPOKEN: Final = "assistant-ended-call-after-message-spoken"
ASSISTANT_DONE: Final = frozenset((ASSISTANT_ENDED, MESSAGE_SPOKEN))
MANUALLY_CANCELED: Final = "manually-canceled"
"""The operator hung up."""
FORWARDED: Final = "assistant-forwarded-call"
FORWARD_BUSY: Final = "call.forwarding.operator-busy"
FORWARD_NO_ANSWER: Final = "call.forwarding.no-answer"
"""Nobody here was to talk with the caller, and who was called instead did not take the call."""
LEFT_DURING_TRANSFER: Final = "customer-ended-call-during-transfer"
LEFT_BEFORE_WARM_TRANSFER: Final = "customer-ended-call-before-warm-transfer"
LEFT_AFTER_WARM_TRANSFER: Final = "customer-ended-call-after-warm-transfer-attempt"
MAX_DURATION: Final = "exceeded-max-duration"
NO_CUSTOMER_AUDIO: Final = "call.in-progress.error-assistant-did-not-receive-customer-audio"
"""Neither RTP nor RTCP came from the far end for too long."""
TRANSPORT_NEVER_CONNECTED: Final = "call.in-progress.error-providerfault-transport-never-connected"
"""The client of a WebSocket call did not come."""
WORKER_SHUTDOWN: Final = "worker-shutdown"
"""The gateway or the worker went down in good order while the call went on."""
WORKER_DIED: Final = "call.in-progress.error-vapifault-worker-died"
WORKER_FAILED: Final = "pipeline-error-worker-failed"
"""Ours: a fault in the worker's own code ended its part of the call."""
NO_WORKER: Final = "call.in-progress.error-vapifault-worker-not-available"
GATEWAY_DIED: Final = "call.in-progress.error-gateway-restarted"
"""Ours: the gateway process ended without writing the record of the call."""
GATEWAY_LOST: Final = "call.in-progress.error-gateway-lost"
"""Ours: the gateway was not heard of any more, and nobody knows how the call went on."""
PLANE_FAULT: Final = "call.start.error-vapifault-get-assistant"
FAULT: Final = "call.in-progress.error-gateway-fault"
"""Ours: a fault in the gateway's own code; the log has its traceback."""
CALLER_GAVE_UP: Final = "call.ringing.sip-inbound-caller-hungup-before-call-connect"
INBOUND_FAILED: Final = "call.in-progress.error-sip-inbound-call-failed-to-connect"
OUTBOUND_FAILED: Final = "call.in-progress.error-sip-outbound-call-failed-to-connect"
LEG_COMPLETED: Final = "call.in-progress.sip-completed-call"
"""The call was up, and something other than the far end's BYE took it down."""

CONCURRENCY_LIMIT: Final = "call.start.error-subscription-concurrency-limit-reached"
"""The trunk or the organisation has as many calls as it may have, or began as many in this second."""

_FAULT: Final = "call.in-progress.error-providerfault-outbound-sip"
_FORBIDDEN: Final = f"{_FAULT}-403-forbidden"
_CREDENTIALS: Final = f"{_FAULT}-407-proxy-authentication-required"
_TIMEOUT: Final = f"{_FAULT}-408-request-timeout"
_UNAVAILABLE: Final = f"{_FAULT}-480-temporarily-unavailable"
_NO_SERVICE: Final = f"{_FAULT}-503-service-unavailable"

_OUTBOUND: Final = {
    401: _CREDENTIALS,
    403: _FORBIDDEN,
    407: _CREDENTIALS,
    408: _TIMEOUT,
    410: _UNAVAILABLE,
    430: _NO_SERVICE,
    480: _UNAVAILABLE,
    486: CUSTOMER_BUSY,
    487: CUSTOMER_DID_NOT_ANSWER,
    504: _TIMEOUT,
    600: CUSTOMER_BUSY,
    603: CUSTOMER_BUSY,
    607: CUSTOMER_BUSY,
    608: CUSTOMER_BUSY,
}


def of_leg(direction: Direction, *, answered: bool, status: int, by_remote: bool) -> str:
    """endedReason of a leg that ended without our asking.

    :param status: SIP status of the end, 200 for a BYE (RFC 3261 section 21)
    """
    if answered:
        return CUSTOMER_ENDED if by_remote else LEG_COMPLETED
    if direction is Direction.OUTBOUND:
        return _of_refusal(status)
    return CALLER_GAVE_UP if by_remote else INBOUND_FAILED


def _of_refusal(status: int) -> str:
    """What the far end's final answer means; each of them has its word, also those that nobody has registered yet."""
    if status in _OUTBOUND:
        return _OUTBOUND[status]
    return _NO_SERVICE if 500 <= status < 600 else OUTBOUND_FAILED
