"""A far end in a process of its own: `python -m tests.sip.far_end PORT`. A process has one endpoint.

It answers, greets with a second of voice, answers each line of the caller with half a second, and hangs up after two.
"""

from __future__ import annotations

import asyncio
import sys

from gateway.call.leg import Leg, LegFrame, LegInfo
from tests.sip.exchange import settings
from tests.sip.voice import voice

GREETING_MS, ANSWER_MS, LINES = 1000, 500, 2
_SILENCE_TICKS = 15


class Host:
    """Talks to one caller."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._said = 0
        self._heard = False
        self._quiet = 0
        self._ending: asyncio.Task[None] | None = None

    def _say(self, milliseconds: int) -> None:
        self._said += 1
        self._leg.play(self._said, 0, voice(milliseconds).tobytes(), final=True)

    def on_ringing(self) -> None:
        """Never: it is called, it calls nobody."""

    def on_answered(self) -> None:
        self._leg.arm_pause(False)
        self._say(GREETING_MS)

    def on_frame(self, frame: LegFrame) -> None:
        self._heard = self._heard or (frame.speech and not frame.utterance)
        self._quiet = 0 if frame.speech else self._quiet + 1
        if self._heard and self._quiet == _SILENCE_TICKS:
            self._heard = False
            self._say(ANSWER_MS)
        if frame.finished and frame.utterance == 1 + LINES:
            self._ending = asyncio.get_running_loop().create_task(self._leg.hangup("finished"))

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        pass

    def on_digit(self, digit: str) -> None:
        print(f"digit {digit}", flush=True)

    def on_hold(self, held: bool) -> None:
        pass

    def on_transfer(self, ok: bool, detail: str) -> None:
        pass

    def on_replaced(self, info: LegInfo) -> None:
        pass

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        print(f"ended {status} {by_remote}", flush=True)


async def main(port: int) -> None:
    from gateway.sip.endpoint import SipEndpoint

    answering: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    def take(leg: Leg) -> None:
        leg.attach(Host(leg))
        answering.add(loop.create_task(leg.answer()))

    endpoint = SipEndpoint(settings(sip={"port": port}), loop=loop, on_leg=take)
    await endpoint.start()
    print("ready", flush=True)
    try:
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await endpoint.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
