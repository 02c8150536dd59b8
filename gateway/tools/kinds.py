"""Which code carries out which tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.assistant.section import Server
from gateway.assistant.tool import (
    ApiRequestTool,
    DtmfTool,
    EndCallTool,
    FunctionTool,
    HandoffTool,
    PauseRecordingTool,
    RecordingConsentTool,
    ResumeRecordingTool,
    SipRequestTool,
    SmsTool,
    ToolBase,
    TransferCallTool,
    TransferCancelTool,
    TransferSuccessfulTool,
    VoicemailTool,
)
from gateway.tools.api_request import ApiRequest
from gateway.tools.dtmf import Dtmf
from gateway.tools.end_call import EndCall
from gateway.tools.function import Function
from gateway.tools.handoff import Handoff
from gateway.tools.kind import ToolKind
from gateway.tools.pause_recording import PauseRecording
from gateway.tools.recording_consent import RecordingConsent
from gateway.tools.sip_request import SipRequest
from gateway.tools.sms import Sms
from gateway.tools.transfer_call import TransferCall
from gateway.tools.transfer_decision import TransferCancel, TransferSuccessful
from gateway.tools.voicemail import Voicemail

_PLAIN: Mapping[type[ToolBase], Callable[[Any], ToolKind]] = {
    EndCallTool: EndCall,
    DtmfTool: Dtmf,
    SmsTool: Sms,
    VoicemailTool: Voicemail,
    SipRequestTool: SipRequest,
    PauseRecordingTool: PauseRecording,
    ResumeRecordingTool: PauseRecording,
    RecordingConsentTool: RecordingConsent,
    TransferSuccessfulTool: TransferSuccessful,
    TransferCancelTool: TransferCancel,
}


def kinds(tools: Sequence[ToolBase], server: Server | None) -> list[ToolKind]:
    """The tools that a model can be offered.

    :param server: of the conversation, for tools that have none of their own
    """
    return [kind for tool in tools if (kind := _kind(tool, server)) is not None]


def _kind(tool: ToolBase, server: Server | None) -> ToolKind | None:
    match tool:
        case FunctionTool(function=function):
            return Function(tool, function, server) if function is not None else None
        case ApiRequestTool():
            return ApiRequest(tool)
        case TransferCallTool():
            return TransferCall(tool, server)
        case HandoffTool():
            return Handoff(tool, server)
    plain = _PLAIN.get(type(tool))
    return plain(tool) if plain is not None else None
