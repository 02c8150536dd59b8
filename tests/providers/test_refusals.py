"""What providers' refusals mean. The bodies are those of the providers' own documentation and SDKs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.refusals import complaint, refusal

NO_CREDIT = '{"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, "", ProviderBadRequest),
        (401, "", ProviderAuthentication),
        (402, "", ProviderQuota),
        (403, "", ProviderAuthentication),
        (404, "", ProviderBadRequest),
        (408, "", ProviderTimeout),
        (422, "", ProviderBadRequest),
        (425, "", ProviderUnavailable),
        (429, "", ProviderRateLimit),
        (429, NO_CREDIT, ProviderQuota),
        (401, '{"detail": {"status": "quota_exceeded", "message": "No characters left."}}', ProviderQuota),
        (500, "", ProviderUnavailable),
        (503, "", ProviderUnavailable),
        (504, "", ProviderTimeout),
        (529, '{"type": "error", "error": {"type": "overloaded_error"}}', ProviderUnavailable),
    ],
)
def test_a_status_is_an_error_of_its_kind(status: int, body: str, kind: type[ProviderError]) -> None:
    assert type(refusal("The model", status, body)) is kind


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"error": {"message": "Incorrect API key provided: sk-***.", "code": "invalid_api_key"}}', "Incorrect API"),
        ('{"type": "error", "error": {"type": "x", "message": "Overloaded"}}', "Overloaded"),
        ('[{"error": {"code": 400, "message": "API key not valid."}}]', "API key not valid"),
        ('{"detail": {"status": "voice_not_found", "message": "No such voice."}}', "No such voice"),
        ('{"detail": [{"loc": ["body"], "message": "field required"}]}', "field required"),
        ('{"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."}', "Invalid credentials"),
        ('{"error": "model not loaded"}', "model not loaded"),
        ("<html>\n <h1>502 Bad\n Gateway</h1>", "<html> <h1>502 Bad Gateway</h1>"),
        ("", "no reason given"),
        ("{}", "no reason given"),
        ("[]", "no reason given"),
        ("null", "no reason given"),
        ("7", "no reason given"),
    ],
)
def test_the_reason_is_found_where_providers_put_it(body: str, expected: str) -> None:
    sentence = str(refusal("The model gpt-4o of openai", 400, body.encode()))
    assert sentence.startswith(f"The model gpt-4o of openai answered 400: {expected}")
    assert sentence.endswith(".")


@given(st.one_of(st.binary(max_size=600), st.text(max_size=600).map(str.encode)))
def test_whatever_is_answered_is_one_short_sentence(body: bytes) -> None:
    sentence = str(refusal("It", 500, body))
    assert len(sentence) <= 230
    assert "\n" not in sentence


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "detail", "x"]), inner)


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), nested))
def test_whatever_json_is_answered_has_a_reason(content: object) -> None:
    assert complaint(json.dumps(content))


def test_a_key_that_is_repeated_in_the_answer_is_not_told() -> None:
    told = str(refusal("The model", 401, '{"error": {"message": "Incorrect API key provided: s3cret."}}', key="s3cret"))
    assert "s3cret" not in told
    assert "Incorrect API key provided: ***" in told


def test_retry_after_in_seconds() -> None:
    assert refusal("It", 429, "", {"retry-after": "7"}).retry_after == 7
    assert refusal("It", 503, "", {"Retry-After": "1.5"}).retry_after == 1.5
    assert refusal("It", 429, "", {"Retry-After": "-3"}).retry_after == 0


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    seconds = refusal("It", 429, "", {"Retry-After": later}).retry_after
    assert seconds is not None
    assert 50 < seconds <= 60
    earlier = format_datetime(datetime.now(UTC) - timedelta(seconds=60), usegmt=True)
    assert refusal("It", 429, "", {"Retry-After": earlier}).retry_after == 0


@given(st.text(max_size=40))
def test_a_retry_after_that_is_none_is_left_alone(value: str) -> None:
    seconds = refusal("It", 429, "", {"Retry-After": value}).retry_after
    assert seconds is None or seconds >= 0


def test_without_retry_after_there_is_none() -> None:
    assert refusal("It", 429).retry_after is None
