"""The softphone's own process: pjsua2 from PyPI, driven by JSON lines on standard input, reporting JSON lines.

Runs in a virtual environment of its own (`tests.peers.softphone`) and imports nothing of ours. Every event carries
`at_ns`, CLOCK_REALTIME, the clock of the captures. Commands: dial, answer, play, echo, hold, unhold, digits, hangup,
quit.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import Any

import pjsua2 as pj

LEVEL_ON, LEVEL_OFF = 12, 5
"""Levels on pjmedia's scale (full scale is about 40): the far end speaks above the first, and not below the second."""
QUIET_SECONDS = 0.6
_one_at_a_time = threading.Lock()


def report(event: str, **details: Any) -> None:
    line = json.dumps({"event": event, "at_ns": time.time_ns(), **details}) + "\n"
    with _one_at_a_time:
        sys.stdout.write(line)
        sys.stdout.flush()


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self.createPlayer(file, pj.PJMEDIA_FILE_NO_LOOP)

    def onEof2(self) -> None:  # noqa: N802  pjsua2 calls it
        report("played", file=self.file)


class Call(pj.Call):  # type: ignore[misc]
    def __init__(self, account: pj.Account, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.phone = phone
        self.media: pj.AudioMedia | None = None

    def onCallState(self, _: pj.OnCallStateParam) -> None:  # noqa: N802  pjsua2 calls it
        info = self.getInfo()
        details: dict[str, Any] = {"state": info.stateText, "call_id": info.callIdString}
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            details |= {"status": info.lastStatusCode, "reason": info.lastReason}
            self.media = None
        report(_STATES.get(info.state, "state"), **details)

    def onCallMediaState(self, _: pj.OnCallMediaStateParam) -> None:  # noqa: N802  pjsua2 calls it
        info = self.getInfo()
        active = [index for index, media in enumerate(info.media) if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE]
        report("media", status=[media.status for media in info.media], active=bool(active))
        self.media = self.getAudioMedia(active[0]) if active else None
        if self.media:
            self.phone.connect(self.media)

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802  pjsua2 calls it
        report("digit", digit=prm.digit)

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802  pjsua2 calls it
        report("transfer", to=prm.dstUri)


_STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_EARLY: "ringing",
    pj.PJSIP_INV_STATE_CONFIRMED: "answered",
    pj.PJSIP_INV_STATE_DISCONNECTED: "ended",
}


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802  pjsua2 calls it
        report("registration", status=prm.code, reason=prm.reason)

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802  pjsua2 calls it
        self.phone.call = Call(self, self.phone, prm.callId)
        report("incoming", caller=self.phone.call.getInfo().remoteUri)


class Phone:
    """One account, one call at a time."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.call: Call | None = None
        self.account: Account | None = None
        self.recorder: pj.AudioMediaRecorder | None = None
        self.players: list[Player] = []
        self.endpoint = pj.Endpoint()
        self.speaking = False
        self.loud_at = 0.0

    def start(self) -> None:
        self.endpoint.libCreate()
        self.endpoint.libInit(self._endpoint_config())
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        transport.port = self.plan["sip_port"]
        kind = pj.PJSIP_TRANSPORT_TCP if self.plan["transport"] == "tcp" else pj.PJSIP_TRANSPORT_UDP
        self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            wanted = any(codec.codecId.lower().startswith(name.lower() + "/") for name in self.plan["codecs"])
            self.endpoint.codecSetPriority(codec.codecId, 200 if wanted else 0)
        if self.plan["record"]:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.plan["record"])
        report("ready", version=self.endpoint.libVersion().full)  # before the first event of the account
        self.account = Account(self)
        self.account.create(self._account_config())

    def _endpoint_config(self) -> pj.EpConfig:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 1
        config.uaConfig.userAgent = "softphone"
        config.medConfig.clockRate = self.plan["clock_rate"]
        config.medConfig.sndClockRate = self.plan["clock_rate"]
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.logConfig.filename = self.plan["log"]
        config.logConfig.level = 4
        config.logConfig.consoleLevel = 0
        return config

    def _account_config(self) -> pj.AccountConfig:
        config = pj.AccountConfig()
        user, domain = self.plan["user"], self.plan["domain"]
        config.idUri = f"sip:{user}@{domain}"
        if self.plan["password"]:
            config.regConfig.registrarUri = f"sip:{domain}{self._transport_parameter()}"
            config.regConfig.timeoutSec = 120
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, self.plan["password"]))
        first, last = self.plan["rtp_ports"]
        config.mediaConfig.transportConfig.port = first
        config.mediaConfig.transportConfig.portRange = last - first
        config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        config.mediaConfig.transportConfig.publicAddress = "127.0.0.1"
        return config

    def _transport_parameter(self) -> str:
        return ";transport=tcp" if self.plan["transport"] == "tcp" else ""

    def connect(self, media: pj.AudioMedia) -> None:
        if self.recorder:
            media.startTransmit(self.recorder)

    def obey(self, command: dict[str, Any]) -> None:
        getattr(self, "do_" + command.pop("do"))(**command)

    def do_dial(self, uri: str, headers: dict[str, str]) -> None:
        parameters = pj.CallOpParam(True)
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            parameters.txOption.headers.append(header)
        assert self.account
        self.call = Call(self.account, self)
        self.call.makeCall(uri + self._transport_parameter(), parameters)

    def do_answer(self, status: int) -> None:
        parameters = pj.CallOpParam(True)
        parameters.statusCode = status
        self._current().answer(parameters)

    def do_play(self, file: str) -> None:
        media = self._current().media
        if media is None:
            report("error", text="play: the call has no media")
            return
        self.players.append(Player(file))
        self.players[-1].startTransmit(media)
        report("playing", file=file)

    def do_echo(self, level: float) -> None:
        media = self._current().media
        if media is None:
            report("error", text="echo: the call has no media")
        elif level:
            parameters = pj.AudioMediaTransmitParam()
            parameters.level = level
            media.startTransmit2(media, parameters)
        else:
            media.stopTransmit(media)

    def do_hold(self) -> None:
        self._current().setHold(pj.CallOpParam(True))

    def do_unhold(self) -> None:
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._current().reinvite(parameters)

    def do_digits(self, digits: str) -> None:
        self._current().dialDtmf(digits)

    def do_hangup(self, status: int) -> None:
        parameters = pj.CallOpParam(True)
        parameters.statusCode = status
        self._current().hangup(parameters)

    def _current(self) -> Call:
        if self.call is None:
            raise ValueError("there is no call")
        return self.call

    def listen(self) -> None:
        """Report when the far end starts and stops speaking: only to pace a script, never to measure."""
        level = self._far_level()
        now = time.monotonic()
        if level >= LEVEL_ON:
            self.loud_at = now
            if not self.speaking:
                self.speaking = True
                report("far-speech")
        elif level >= LEVEL_OFF and self.speaking:
            self.loud_at = now
        elif self.speaking and now - self.loud_at > QUIET_SECONDS:
            self.speaking = False
            report("far-silence")

    def _far_level(self) -> int:
        media = self.call.media if self.call else None
        try:
            return int(media.getTxLevel()) if media else 0  # "Tx" is what the port gives to the bridge: the far end
        except pj.Error:
            return 0  # the media went away between the two lines above

    def stop(self) -> None:
        self.call = None
        self.players.clear()
        self.recorder = None
        self.account = None
        self.endpoint.libDestroy()


def main() -> None:
    phone = Phone(json.loads(sys.argv[1]))
    commands: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    phone.start()
    while True:
        try:
            command = commands.get(timeout=0.02)
        except queue.Empty:
            phone.listen()
            continue
        if command["do"] == "quit":
            break
        try:
            phone.obey(command)
        except (pj.Error, ValueError) as error:
            text = error.info() if isinstance(error, pj.Error) else str(error)
            report("error", text=f"{command}: {text}")
    phone.stop()
    report("bye")
    sys.stdout.flush()
    os._exit(0)  # pjsua2's objects must not be collected after libDestroy


def _read_commands(commands: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        commands.put(json.loads(line))
    commands.put({"do": "quit"})


if __name__ == "__main__":
    main()
