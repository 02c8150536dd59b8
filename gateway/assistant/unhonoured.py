"""Fields of Vapi's that are kept but change nothing here, and why: the warnings of a create or update say it.

A path's `*` stands for any name or number.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

_OUR_OWN = "Parley decides this by itself"

UNHONOURED: Mapping[str, str] = {
    "backgroundSound": "no background sound is mixed in yet",
    "backgroundSpeechDenoisingPlan": "the caller's audio is not denoised; speech in the background is told apart",
    "backgroundDenoisingEnabled": "the caller's audio is not denoised; speech in the background is told apart",
    "backchannelingEnabled": "the assistant says nothing while the caller speaks",
    "observabilityPlan": "nothing is sent to Langfuse",
    "transportConfigurations": "calls come over SIP, not over Twilio's API",
    "modelOutputInMessagesEnabled": "the record has what the caller heard",
    "llmRequestDelaySeconds": _OUR_OWN,
    "llmRequestNonPunctuatedDelaySeconds": _OUR_OWN,
    "emotionRecognitionEnabled": "emotions are not recognised",
    "compliancePlan.securityFilterPlan": "what the caller says is not filtered",
    "compliancePlan.recordingConsentPlan.declineToolId": "write the tool itself as declineTool",
    "artifactPlan.recordingFormat": "recordings are WAV files",
    "artifactPlan.fullMessageHistoryEnabled": "the record has the messages as the caller heard them",
    "artifactPlan.videoRecordingEnabled": "calls have no video",
    "artifactPlan.pcapS3PathPrefix": "captures go where recording.upload of the settings says",
    "artifactPlan.pcapUseCustomStorageEnabled": "captures go where recording.upload of the settings says",
    "artifactPlan.loggingEnabled": "the call's events are its log, and are always kept",
    "artifactPlan.loggingPath": "files stay in data_dir",
    "artifactPlan.loggingUseCustomStorageEnabled": "files stay in data_dir",
    "artifactPlan.recordingPath": "recordings go where recording.upload of the settings says",
    "artifactPlan.recordingUseCustomStorageEnabled": "recordings go where recording.upload of the settings says",
    "artifactPlan.scorecardIds": "there are no scorecards",
    "artifactPlan.scorecards": "there are no scorecards",
    "analysisPlan.outcomeIds": "there are no outcomes; use artifactPlan.structuredOutputIds",
    "monitorPlan.monitorIds": "there are no monitors",
    "server.staticIpAddressesEnabled": "requests come from this machine's own address",
    "server.encryptedPaths": "requests are not encrypted beyond TLS",
    "model.tools.*.staticIpAddressesEnabled": "requests come from this machine's own address",
    "model.tools.*.encryptedPaths": "requests are not encrypted beyond TLS",
    "voicemailDetection.voicemailDetectionTypes": "Parley's own detector is used",
    "voicemailDetection.machineDetection*": "Parley's own detector is used",
    "model.knowledgeBase": "no knowledge base is asked; a query tool is",
    "model.emotionRecognitionEnabled": "emotions are not recognised",
    "model.numFastTurns": "every turn is answered by the same model",
    "model.semanticCachingEnabled": "answers are not cached",
    "model.toolStrictCompatibilityMode": "tools go to the model as they are",
    "model.wordLevelConfidenceEnabled": "the transcribers give no confidence for each word",
    "voice.fillerInjectionEnabled": "fillers are Parley's fillerPlan",
    "voice.inputPreprocessingEnabled": "every voice reads text by itself",
    "voice.inputReformattingEnabled": "every voice reads text by itself",
    "voice.inputMinCharacters": "use voice.chunkPlan.minCharacters",
    "voice.inputPunctuationBoundaries": "use voice.chunkPlan.punctuationBoundaries",
}


def why_unhonoured(path: str) -> str:
    """Why a field has no effect; empty when nothing is known of it."""
    if path in UNHONOURED:
        return UNHONOURED[path]
    return next((why for pattern, why in UNHONOURED.items() if "*" in pattern and fnmatchcase(path, pattern)), "")
