"""Each mistake in a settings file is told on one line: where, what, what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError
from tests.config.conftest import Complain, Read

ASSISTANT = "assistants: {demo: {model: {provider: x}}}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sip:\n  port: abc", "parley.yaml:2: sip.port: expected a whole number, got 'abc'"),
        ("sip:\n  port: 70000", "parley.yaml:2: sip.port: expected at most 65535, got 70000"),
        ("sip:\n\n  prt: 1", "parley.yaml:3: sip.prt: unknown key, did you mean port?"),
        ("spi: {}", "parley.yaml:1: spi: unknown key, did you mean sip?"),
        ("demo: {enabled: maybe}", "parley.yaml:1: demo.enabled: expected true or false, got 'maybe'"),
        ("sip: 5", "parley.yaml:1: sip: expected key: value lines, got 5"),
        ("sip: {codecs: PCMU}", "parley.yaml:1: sip.codecs: expected a list, got 'PCMU'"),
        (
            "log: {level: loud}",
            "parley.yaml:1: log.level: expected 'debug', 'info', 'warning' or 'error', got 'loud'",
        ),
        (
            "rtp: {ports: 30000-20000}",
            "parley.yaml:1: rtp.ports: expected a range of ports within 1024-65535, such as 20000-20999,"
            " got '30000-20000'",
        ),
        (
            "routes:\n- number: +15551234\n  assistant: demo\n" + ASSISTANT,
            "parley.yaml:2: routes[0].number: expected text, got 15551234 (write it in quotes)",
        ),
        (
            "trunks:\n- name: a\n  username: u",
            "parley.yaml:2: trunks[0]: expected a registrar, gateways, or allow with the addresses that it calls from",
        ),
        (
            "trunks:\n- name: a\n  registrar: pbx",
            "parley.yaml:2: trunks[0]: expected a username to register at the registrar with",
        ),
        (
            "trunks:\n- name: a\n  allow: [10.0.0.0/8, pbx.example.com]",
            "parley.yaml:3: trunks[0].allow[1]: expected an address or network, such as 203.0.113.5, 203.0.113.0/24 or"
            " 203.0.113.0/24:5060/udp, got 'pbx.example.com'",
        ),
        (
            ASSISTANT.replace("{provider: x}", "{provider: x}, firstMesage: hi"),
            "parley.yaml:1: assistants.demo.firstMesage: unknown key, did you mean firstMessage?",
        ),
        (
            ASSISTANT.replace("{provider: x}", "{provider: x}, firstMessageMode: never"),
            "parley.yaml:1: assistants.demo.firstMessageMode: expected 'assistant-speaks-first' or"
            " 'assistant-speaks-first-with-model-generated-message' or 'assistant-waits-for-user', got 'never'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_expected(complain: Complain, text: str, line: str) -> None:
    assert complain(text) == [line]


PLAN = "assistants.demo.startSpeakingPlan"


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        ("waitSeconds: 9", "waitSeconds: expected at most 5.0, got 9"),
        (
            "customEndpointingRules: [{type: customer, regex: '(?=x)', timeoutSeconds: 1}]",
            "customEndpointingRules[0].regex: expected a regular expression of RE2 (invalid perl operator: (?=),"
            " got '(?=x)'",
        ),
        (
            "customEndpointingRules: [{type: customer, regex: x, timeoutSeconds: 16}]",
            "customEndpointingRules[0].timeoutSeconds: expected at most 15.0, got 16",
        ),
        (
            "customEndpointingRules: [{type: caller, regex: x, timeoutSeconds: 1}]",
            "customEndpointingRules[0].type: expected 'assistant', 'customer' or 'both', got 'caller'",
        ),
        ("customEndpointingRules: [{regex: x}]", "customEndpointingRules[0].type: expected a value, got none"),
        (
            "customEndpointingRules:"
            " [{type: both, assistantRegex: x, customerRegex: x, timeoutSeconds: 1, customerRgx: x}]",
            "customEndpointingRules[0].customerRgx: unknown key, did you mean customerRegex?",
        ),
        (
            "smartEndpointingPlan: {provider: livekitt}",
            "smartEndpointingPlan.provider: expected 'vapi', 'livekit', 'smart-turn' or 'custom-endpointing-model',"
            " got 'livekitt'",
        ),
        (
            "smartEndpointingPlan: {provider: livekit, waitFunction: 1 / x}",
            "smartEndpointingPlan.waitFunction: expected a waitFunction, an expression of x such as '70 + 4000 * x'"
            " (it has no value at x = 0: float division by zero), got '1 / x'",
        ),
        (
            "smartEndpointingPlan: {provider: custom-endpointing-model}",
            "smartEndpointingPlan.server: expected a server with the url to ask, here or for the assistant,"
            " got nothing",
        ),
        (
            "smartEndpointingEnabled: deepgram",
            "smartEndpointingEnabled: expected True, False or 'livekit', got 'deepgram'",
        ),
        (
            "transcriptionEndpointingPlan: {onNumberSeconds: -1}",
            "transcriptionEndpointingPlan.onNumberSeconds: expected at least 0.0, got -1",
        ),
    ],
)
def test_a_mistake_in_the_start_speaking_plan_is_told_with_its_key(
    complain: Complain, plan: str, complaint: str
) -> None:
    text = f"assistants: {{demo: {{model: {{provider: x}}, startSpeakingPlan: {{{plan}}}}}}}"
    assert complain(text) == [f"parley.yaml:1: {PLAN}.{complaint}"]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("messagePlan: {idleMesages: []}", "messagePlan.idleMesages: unknown key, did you mean idleMessages?"),
        ("messagePlan: {idleTimeoutSeconds: 0}", "messagePlan.idleTimeoutSeconds: expected at least 1.0, got 0"),
        ("messagePlan: {idleMessages: ['']}", "messagePlan.idleMessages[0]: expected at least 1 characters, got ''"),
        (
            "hooks: [{on: call.ended, do: [{type: say, exact: Bye}]}]",
            "hooks[0].on: expected 'customer.speech.timeout', 'assistant.speech.interrupted',"
            " 'customer.speech.interrupted', 'call.ending' or 'call.timeElapsed', got 'call.ended'",
        ),
        ("hooks: [{on: customer.speech.timeout, do: []}]", "hooks[0].do: expected at least 1 of them, got []"),
        (
            "hooks: [{on: customer.speech.timeout, do: [{type: say}]}]",
            "hooks[0].do[0].say: expected an action with exact or prompt, got {'type': 'say'}",
        ),
        (
            "hooks: [{on: customer.speech.timeout, do: [{type: tool, tool: {type: fax}}]}]",
            "hooks[0].do[0].tool.tool: expected type must be one of: function, apiRequest, transferCall, endCall, dtmf,"
            " handoff, sms, voicemail, sipRequest, pauseRecording, resumeRecording, mcp, transferSuccessful,"
            " transferCancel, got {'type': 'fax'}",
        ),
        ("keypadInputPlan: {delimiters: x}", "keypadInputPlan.delimiters: expected '#' or '*', got 'x'"),
        ("keypadInputPlan: {timeoutSeconds: 11}", "keypadInputPlan.timeoutSeconds: expected at most 10.0, got 11"),
        ("fillerPlan: {phrases: []}", "fillerPlan.phrases: expected at least 1 of them, got []"),
        ("fillerPlan: {delaySeconds: 0}", "fillerPlan.delaySeconds: expected at least 0.2, got 0"),
    ],
)
def test_a_mistake_in_the_plans_for_silence_and_keys_is_told_with_its_key(
    complain: Complain, settings: str, complaint: str
) -> None:
    text = f"assistants: {{demo: {{model: {{provider: x}}, {settings}}}}}"
    assert complain(text) == [f"parley.yaml:1: assistants.demo.{complaint}"]


def test_a_key_that_yaml_takes_for_a_truth_value_is_a_key(read: Read) -> None:
    hook = "{on: customer.speech.timeout, do: [{type: say, exact: Hello}]}"
    settings = read(f"assistants: {{demo: {{model: {{provider: x}}, hooks: [{hook}]}}}}")
    assert settings.assistants["demo"].hooks[0].on == "customer.speech.timeout"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(complain: Complain) -> None:
    lines = complain("sip:\n  port: a\nrtp:\n  prots: 1\nlog:\n  sip: 7\n")
    assert [line.split(": ")[:2] for line in lines] == [
        ["parley.yaml:2", "sip.port"],
        ["parley.yaml:4", "rtp.prots"],
        ["parley.yaml:6", "log.sip"],
    ]


def test_a_password_is_never_shown(complain: Complain) -> None:
    (line,) = complain("trunks:\n- {name: a, registrar: r, username: u, password: [geheim]}")
    assert "geheim" not in line
    assert line.startswith("parley.yaml:2: trunks[0].password: expected text")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("sip: {port: 1\nrtp: {}", "parley.yaml:2: expected YAML"),
        ("- a\n- b", "parley.yaml:1: expected settings as key: value lines"),
        ("sip: {port: 1}\nsip: {port: 2}", "parley.yaml:2: sip: expected once, got it in line 1 too"),
        ("sip: !!python/object:os.system {}", "parley.yaml:1: sip: expected plain data, got tag:"),
        ("assistants: &a\n  demo: *a", "parley.yaml:1: assistants.demo: expected plain data, got an alias of itself"),
        ("a: \t\x00", "parley.yaml: expected YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(complain: Complain, text: str, start: str) -> None:
    (line,) = complain(text)
    assert line.startswith(start)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        load(tmp_path / "absent.yaml", environ={})


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"sip: {user_agent: \xe9}")
    with pytest.raises(ConfigError, match=r"latin\.yaml: expected UTF-8 text, got byte 18"):
        load(file, environ={})


def test_anchors_and_merge_keys_work(read: Read) -> None:
    settings = read(
        "assistants:\n  one: &one {firstMessage: Hi, model: {provider: x}}\n  two: {<<: *one, firstMessage: Ho}"
    )
    assert settings.assistants["two"].first_message == "Ho"
    assert settings.assistants["two"].model.provider == "x"
