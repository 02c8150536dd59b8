"""How the conversation of a transfer assistant with a human ends, and what that means for the transfer. Pure.

The worker ends such a conversation as any other, by a hang-up with its reason: two of them are the assistant's
decision.
"""

from __future__ import annotations

from typing import Final

from gateway.call.transfer.life import Accepted, Declined, Event, Status

TAKEN: Final = "transfer-successful"
NOT_TAKEN: Final = "transfer-cancelled"

CANCELLED: Final = "call.in-progress.error-warm-transfer-assistant-cancelled"
MAX_DURATION: Final = "call.in-progress.error-warm-transfer-max-duration"
SILENCE: Final = "call.in-progress.error-warm-transfer-silence-timeout"
MICROPHONE: Final = "call.in-progress.error-warm-transfer-microphone-timeout"


def decision(reason: str, said: str) -> Event:
    """What follows from the end of such a conversation.

    :param reason: of the hang-up
    :param said: why the assistant gave the transfer up, in a sentence; may be empty
    """
    match reason:
        case "transfer-successful":
            return Accepted()
        case "silence-timed-out":
            return Declined(Status.NO_ANSWER, "The other side answered and said nothing.", SILENCE)
        case "exceeded-max-duration":
            return Declined(Status.CANCELLED, "The other side did not decide in time.", MAX_DURATION)
    return Declined(Status.CANCELLED, said or "The other side does not take the call.", CANCELLED)
