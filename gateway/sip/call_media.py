"""The media of one dialog: its audio in the bridge, in the conference, and what is told of it. On the owner thread."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from gateway.call.leg import MediaStatistics
from gateway.sip.bridge import MediaBridge
from gateway.sip.keypad import key_plan
from gateway.sip.leg import SipLeg
from gateway.sip.library import call_audio, pj
from gateway.sip.media_thread import MediaLeg, MediaThread
from gateway.sip.statistics import read_statistics
from gateway.sip.wiring import Wiring

if TYPE_CHECKING:
    from gateway.sip.call import SipCall

_TONE_MS, _GAP_MS = 120, 80


class CallMedia:
    """Of one `SipCall`.

    :param on_media: told each port of ours that media come to, and the call's Call-ID
    """

    def __init__(
        self,
        call: SipCall,
        *,
        media: MediaThread,
        bridge: MediaBridge,
        wiring: Wiring,
        on_media: Callable[[int, str], None],
    ) -> None:
        self.statistics: MediaStatistics | None = None
        """Figures of the stream as they were kept last."""
        # no cycle: the collector would end the call in whatever thread it runs in
        self._call = cast("SipCall", weakref.proxy(call))
        self._media = media
        self._bridge = bridge
        self._wiring = wiring
        self._on_media = on_media
        self._opened: MediaLeg | None = None
        self._streaming = False
        self._held = False

    # ---------------------------------------------------------------- what the stack tells

    def connect(self, info: Any, leg: SipLeg) -> None:
        """The stack has made media, or changed them."""
        audio = call_audio(info)
        if info.role == pj.PJSIP_ROLE_UAC and info.state < pj.PJSIP_INV_STATE_CONNECTING:
            self._connect_early(leg, audio)
            return
        if audio is None or audio.status == pj.PJSUA_CALL_MEDIA_ERROR:
            self._call.end("no common audio")
            return
        slot = int(audio.audioConfSlot)
        held = slot == pj.PJSUA_INVALID_ID or not audio.dir & pj.PJMEDIA_DIR_ENCODING
        media = self._open(leg, audio.index)
        self._tell_ports(leg, audio.index)
        if held:
            # no music on hold into the transcriber, and playout stands still
            self._bridge.disconnect(media.index)
        else:
            self._bridge.connect(media.index, slot)
            leg.codec = self._codec(audio.index)
        party = None if slot == pj.PJSUA_INVALID_ID else slot
        self._wiring.place(leg.key, media.index, party, held=held)
        if party is not None:
            self._plan_keys(leg, media, party)
        if held != self._held:
            self._held = held
            leg.tell(lambda listener: listener.on_hold(held))

    def stream_created(self) -> None:
        """There are figures from here on."""
        self._streaming = True

    def stream_destroyed(self) -> None:
        """There are none any more."""
        self.keep_statistics()
        self._streaming = False

    # ---------------------------------------------------------------- what is asked

    def keep_statistics(self) -> None:
        """Take the figures of the stream as it stands; the last ones stay when it is gone."""
        if self._streaming:
            self.statistics = read_statistics(self._call) or self.statistics

    def sends_tones(self, digits: str) -> bool:
        """Send digits as tones; False when there are no media yet."""
        if self._opened is None:
            return False
        self._bridge.send_keys(self._opened.index, digits, tone_ms=_TONE_MS, gap_ms=_GAP_MS)
        return True

    def give_to(self, successor: CallMedia) -> None:
        """The media of the call whose place another one takes."""
        successor._opened, successor._held = self._opened, self._held
        self._opened = None

    def close(self, leg: SipLeg | None) -> None:
        """The call is over."""
        if self._opened is not None:
            self._media.close(self._opened)
            self._opened = None
        if leg is not None:
            self._wiring.remove(leg.key)
            leg.media_closed()

    # ---------------------------------------------------------------- parts

    def _connect_early(self, leg: SipLeg, audio: Any) -> None:
        """Hear what the far end plays before it answers. That it takes nothing from us yet is no hold."""
        if audio is None or int(audio.audioConfSlot) == pj.PJSUA_INVALID_ID or not audio.dir & pj.PJMEDIA_DIR_DECODING:
            return
        media = self._open(leg, audio.index)
        self._tell_ports(leg, audio.index)
        self._bridge.connect(media.index, int(audio.audioConfSlot))

    def _open(self, leg: SipLeg, index: int) -> MediaLeg:
        if self._opened is None:
            self._opened = self._media.open(leg, armed=True)
            leg.media_opened(self._opened, self._codec(index))
        return self._opened

    def _tell_ports(self, leg: SipLeg, index: int) -> None:
        # a call whose port is not known goes on without its capture
        with suppress(pj.Error):
            media = self._call.getMedTransportInfo(index)
            for name in (str(media.localRtpName), str(media.localRtcpName)):
                if (port := name.rpartition(":")[2]).isdecimal():
                    self._on_media(int(port), leg.info.signalling_id)

    def _plan_keys(self, leg: SipLeg, media: MediaLeg, slot: int) -> None:
        trunk = self._call.account.trunk
        plan = key_plan(trunk.dtmf if trunk else "auto", events=self._bridge.takes_events(slot))
        leg.keys_go_by = plan.send
        self._bridge.hear_keys(media.index, plan.hears_tones)

    def _codec(self, index: int) -> str:
        try:
            return str(self._call.getStreamInfo(index).codecName)
        except pj.Error:
            return ""
