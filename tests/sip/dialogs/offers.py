"""Offers as peers make them, and worse, and what an answer to one must be (RFC 3264 section 6, RFC 3551, RFC 7587)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import strategies as st

_STATIC = {"0": "pcmu/8000", "8": "pcma/8000", "9": "g722/8000", "3": "gsm/8000", "18": "g729/8000", "13": "cn/8000"}
_OURS = {"pcmu/8000", "pcma/8000", "g722/8000", "opus/48000"}
_LEGAL = {
    "sendrecv": {"sendrecv", "recvonly", "sendonly", "inactive"},
    "sendonly": {"recvonly", "inactive"},
    "recvonly": {"sendonly", "inactive"},
    "inactive": {"inactive"},
}
HEAD = "v=0\r\no=ann 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
"""What stands before the media sections."""
_PORT = 5004
"""Where the audio is to go: RTP's own port, for one of those that are given out may become some party's SIP port."""
_DYNAMIC = (
    "opus/48000/2",
    "OPUS/48000/2",
    "PCMU/8000",
    "pcma/8000/1",
    "G722/8000",
    "telephone-event/8000",
    "telephone-event/48000",
    "iLBC/8000",
    "L16/16000",
    "AMR-WB/16000",
    "G7221/16000",
    "speex/16000",
)
_OTHERS = (
    "m=video {port} RTP/AVP 97 98\r\na=rtpmap:97 H264/90000\r\na=rtpmap:98 VP8/90000\r\n",
    "m=image {port} udptl t38\r\na=T38FaxVersion:0\r\n",
    "m=application {port} UDP/BFCP *\r\na=floorctrl:c-s\r\n",
    "m=application {port} RTP/AVP 100\r\na=rtpmap:100 H224/4800\r\n",
    "m=text {port} RTP/AVP 99\r\na=rtpmap:99 t140/1000\r\n",
    "m=message {port} TCP/MSRP *\r\na=accept-types:text/plain\r\n",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A media section of an SDP. `payloads` are (type, lower-case encoding/clock); encoding empty when unnamed."""

    kind: str
    port: int
    protocol: str
    payloads: tuple[tuple[str, str], ...]
    direction: str

    @property
    def usable(self) -> bool:
        """Audio in the clear with a codec of ours."""
        named = {encoding for _, encoding in self.payloads}
        return self.kind == "audio" and self.port > 0 and self.protocol == "RTP/AVP" and bool(named & _OURS)


def sections(sdp: str) -> list[Section]:
    """The media sections, in order."""
    head, *bodies = sdp.replace("\r", "").split("\nm=")
    return [_section(body, _direction(head.split("\n"), "sendrecv")) for body in bodies]


def _section(body: str, direction: str) -> Section:
    first, *lines = body.split("\n")
    kind, port, protocol, *payloads = first.split(" ")
    names = dict(_STATIC)
    for line in lines:
        if found := re.match(r"a=rtpmap:(\d+) ([^/]+/\d+)", line):
            names[found[1]] = found[2].lower()
    named = tuple((payload, names.get(payload, "")) for payload in payloads)
    return Section(kind, int(port.partition("/")[0]), protocol, named, _direction(lines, direction))


def _direction(lines: list[str], otherwise: str) -> str:
    return next((line[2:] for line in lines if line[2:] in _LEGAL), otherwise)


def judge(offer: str, status: int, answer: str) -> list[str]:
    """What is wrong with the answer; nothing when it is good."""
    offered, answered = sections(offer), sections(answer)
    if status == 488:
        return ["a usable offer was refused"] if any(section.usable for section in offered) else []
    if status != 200:
        return [f"status {status}"]
    if [(one.kind, one.protocol) for one in offered] != [(one.kind, one.protocol) for one in answered]:
        return ["other sections, or in another order"]
    wrong = [fault for pair in zip(offered, answered, strict=True) for fault in _judge_section(*pair)]
    if not any(one.port and one.kind == "audio" for one in answered):
        wrong.append("no audio was taken")
    return wrong


def _judge_section(offered: Section, answered: Section) -> list[str]:
    if not answered.port:
        return []
    if not offered.usable:
        return [f"{offered.kind} that we cannot use was taken"]
    wrong = []
    if answered.direction not in _LEGAL[offered.direction]:
        wrong.append(f"{answered.direction} is no answer to {offered.direction}")
    if beyond := set(answered.payloads) - set(offered.payloads):
        wrong.append(f"not offered: {beyond}")
    codecs = [encoding for _, encoding in answered.payloads if encoding in _OURS]
    if not codecs:
        wrong.append("no codec")
    return wrong + _judge_events(offered, answered, codecs)


def _judge_events(offered: Section, answered: Section, codecs: list[str]) -> list[str]:
    """Digits are told with the clock of the codec beside which they go (RFC 4733 section 2.1)."""
    clocks = {encoding.partition("/")[2] for encoding in codecs}
    event = "telephone-event/"
    offers = {encoding for _, encoding in offered.payloads if encoding.startswith(event)}
    takes = {encoding for _, encoding in answered.payloads if encoding.startswith(event)}
    if not takes and any(f"{event}{clock}" in offers for clock in clocks):
        return ["digits were offered in the codec's clock and not taken"]
    if takes and not any(f"{event}{clock}" in takes for clock in clocks):
        return [f"digits in {takes} beside {codecs}"] if any(f"{event}{c}" in offers for c in clocks) else []
    return []


@st.composite
def _audio(draw: st.DrawFn) -> str:
    static = draw(st.lists(st.sampled_from(sorted(_STATIC)), unique=True, max_size=5))
    dynamic = draw(st.lists(st.sampled_from(_DYNAMIC), unique_by=str.lower, min_size=0 if static else 1, max_size=5))
    types = draw(st.lists(st.integers(96, 127), unique=True, min_size=len(dynamic), max_size=len(dynamic)))
    maps = dict(zip(map(str, types), dynamic, strict=True))
    payloads = draw(st.permutations([*static, *maps]))
    named = {payload: _STATIC[payload].upper() for payload in static if draw(st.booleans())}
    lines = [f"a=rtpmap:{payload} {name}" for payload, name in {**named, **maps}.items()]
    lines += [f"a=fmtp:{payload} 0-16" for payload, name in maps.items() if name.startswith("telephone")]
    lines += draw(st.sampled_from([[], ["a=ptime:20"], ["a=ptime:30", "a=maxptime:60"], ["a=ptime:10"]]))
    lines += [f"a={way}" for way in draw(st.lists(st.sampled_from(sorted(_LEGAL)), max_size=1))]
    port = draw(st.sampled_from([_PORT, _PORT, _PORT, 0]))
    protocol = draw(st.sampled_from(["RTP/AVP", "RTP/AVP", "RTP/AVP", "RTP/SAVP"]))
    return "\r\n".join([f"m=audio {port} {protocol} {' '.join(payloads)}", *lines, ""])


@st.composite
def offers(draw: st.DrawFn) -> str:
    """One to six media sections, most with audio."""
    others = st.builds(
        lambda text, port: text.format(port=port), st.sampled_from(_OTHERS), st.sampled_from([_PORT + 2, 0])
    )
    bodies = draw(st.permutations([draw(_audio()), *draw(st.lists(st.one_of(others, _audio()), max_size=5))]))
    way = draw(st.sampled_from(["", "", "", "a=sendonly\r\n"]))
    return HEAD + way + "".join(bodies)
