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
MAX_DURATION: Final = "exceeded-max-duration"
TRANSPORT_NEVER_CONNECTED: Final = "call.in-progress.error-providerfault-transport-never-connected"
"""The client of a WebSocket call did not come."""
WORKER_SHUTDOWN: Final = "worker-shutdown"
"""The gateway or the worker went down in good order while the call went on."""
WORKER_DIED: Final = "call.in-progress.error-vapifault-worker-died"
NO_WORKER: Final = "call.in-progress.error-vapifault-worker-not-available"
GATEWAY_DIED: Final = "call.in-progress.error-gateway-restarted"
"""Ours: the gateway process ended without writing the record of the call."""
FAULT: Final = "call.in-progress.error-gateway-fault"
"""Ours: a fault in the gateway's own code; the log has its traceback."""
CALLER_GAVE_UP: Final = "call.ringing.sip-inbound-caller-hungup-before-call-connect"
INBOUND_FAILED: Final = "call.in-progress.error-sip-inbound-call-failed-to-connect"
OUTBOUND_FAILED: Final = "call.in-progress.error-sip-outbound-call-failed-to-connect"
LEG_COMPLETED: Final = "call.in-progress.sip-completed-call"
"""The call was up, and something other than the far end's BYE took it down."""

_OUTBOUND: Final = {
    403: "call.in-progress.error-providerfault-outbound-sip-403-forbidden",
    407: "call.in-progress.error-providerfault-outbound-sip-407-proxy-authentication-required",
    408: "call.in-progress.error-providerfault-outbound-sip-408-request-timeout",
    480: "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
    486: CUSTOMER_BUSY,
    487: CUSTOMER_DID_NOT_ANSWER,
    503: "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable",
    600: CUSTOMER_BUSY,
    603: CUSTOMER_BUSY,
}


def of_leg(direction: Direction, *, answered: bool, status: int, by_remote: bool) -> str:
    """endedReason of a leg that ended without our asking.

    :param status: SIP status of the end, 200 for a BYE (RFC 3261 section 21)
    """
    if answered:
        return CUSTOMER_ENDED if by_remote else LEG_COMPLETED
    if direction is Direction.OUTBOUND:
        return _OUTBOUND.get(status, OUTBOUND_FAILED)
    return CALLER_GAVE_UP if by_remote else INBOUND_FAILED
