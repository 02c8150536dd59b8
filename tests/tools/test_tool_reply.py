from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.base import ToolCall
from gateway.tools.tool_reply import LONGEST_RESULT, NOTHING, read_reply

CALL = ToolCall("call-1", "order", {"id": 7})
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["results", "result", "toolCallId", "message", "error", "x"]), inner)
    ),
)


def read(status: int, body: str, content_type: str = "") -> tuple[bool, str]:
    result = read_reply(CALL, status, body, content_type=content_type).result
    return result.ok, result.text


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ('{"results":[{"toolCallId":"call-1","result":"fine"}]}', "fine"),
        ('{"results":[{"toolCallId":"other","result":"no"},{"toolCallId":"call-1","result":"yes"}]}', "yes"),
        ('{"results":[{"tool_call_id":"call-1","result":"fine"}]}', "fine"),
        ('{"results":[{"name":"other","result":1},{"name":"order","result":2}]}', "2"),
        ('{"results":[{"result":{"eta":"noon","n":2}}]}', '{"eta": "noon", "n": 2}'),
        ('{"results":{"toolCallId":"call-1","result":"fine"}}', "fine"),
        ('{"results":{"call-1":"fine"}}', "fine"),
        ('{"results":{"eta":"noon"}}', '{"eta": "noon"}'),
        ('{"results":"fine"}', "fine"),
        ('{"results":["fine"]}', "fine"),
        ('[{"toolCallId":"call-1","result":"fine"}]', "fine"),
        ('[{"results":[{"toolCallId":"call-1","result":"fine"}]}]', "fine"),
        ('{"results":[{"toolCallId":"call-1","result":"two\nlines"}]}', "two\nlines"),
        ('"{\\"results\\":[{\\"result\\":\\"in a text\\"}]}"', "in a text"),
        ('\ufeff{"result":"fine"}', "fine"),
        ('{"result":"fine"}', "fine"),
        ('{"eta":"noon"}', '{"eta": "noon"}'),
        ('["a", 1]', '["a", 1]'),
        (" plain text ", "plain text"),
        ("", NOTHING),
    ],
)
def test_a_result_is_found_however_it_is_written(body: str, result: str) -> None:
    assert read(200, body) == (True, result)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, '{"results":[{"toolCallId":"call-1","error":"sold out"}]}', "sold out"),
        (200, '{"error":"sold out"}', "sold out"),
        (200, '{"results":[],"error":"sold out"}', "sold out"),
        (200, '{"results":[]}', "The tool order gave no result with the id call-1, among 0."),
        (
            200,
            '{"results":[{"toolCallId":"a","result":1},{"toolCallId":"b","result":2}]}',
            "The tool order gave no result with the id call-1, among 2.",
        ),
        (404, "no such page", "The tool order answered with the error 404: no such page."),
        (503, '{"why":"down"}', 'The tool order answered with the error 503: {"why": "down"}.'),
        (422, '{"error":"no id"}', "The tool order answered with the error 422: no id."),
        (302, "", "The tool order answered with the status 302, and not with a result."),
    ],
)
def test_a_failure_says_what_was_wrong(status: int, body: str, error: str) -> None:
    assert read(status, body) == (False, error)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("<!DOCTYPE html><html>", ""), ("<html>oops</html>", ""), ("Bad Gateway", "text/html; charset=utf-8")],
)
def test_a_web_page_is_no_result(body: str, content_type: str) -> None:
    assert read(200, body, content_type) == (
        False,
        "The tool order answered with a web page instead of JSON (status 200).",
    )


def test_a_result_counts_whatever_the_status() -> None:
    assert read(500, '{"results":[{"toolCallId":"call-1","result":"fine"}]}') == (True, "fine")


def test_a_message_in_the_answer_is_kept_and_a_broken_one_is_not() -> None:
    def message(written: Any) -> Any:
        entry = {"toolCallId": "call-1", "result": "fine", "message": written}
        return read_reply(CALL, 200, json.dumps({"results": [entry]})).result.message

    complete = message({"type": "request-complete", "content": "All done.", "endCallAfterSpokenEnabled": True})
    assert (complete.content, complete.end_call_after_spoken_enabled) == ("All done.", True)
    assert message("All done.").content == "All done."
    assert message({"type": "surprise"}) is None


def test_a_long_result_is_cut() -> None:
    ok, text = read(200, "x" * 100_000)
    assert ok
    assert len(text) < LONGEST_RESULT + 100


@given(status=st.integers(100, 599), body=st.text() | ANY_JSON.map(json.dumps), content_type=st.text(max_size=20))
def test_any_answer_is_a_result(status: int, body: str, content_type: str) -> None:
    found = read_reply(CALL, status, body, content_type=content_type)
    assert found.how
    assert found.result.ok or found.result.text


@given(value=ANY_JSON, others=st.lists(st.text(min_size=1).filter(lambda text: text != "call-1"), max_size=3))
def test_the_result_of_the_call_is_found_among_others(value: Any, others: list[str]) -> None:
    entries = [{"toolCallId": other, "result": "no"} for other in others]
    entries.append({"toolCallId": "call-1", "result": "yes", "x": value})
    assert read(200, json.dumps({"results": entries})) == (True, "yes")
