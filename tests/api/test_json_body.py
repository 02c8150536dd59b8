import json

import pytest

from gateway.api.json_body import DEPTH, read_json
from gateway.errors import BadRequest


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'"\xff"',
        b'{"a": "\\u0000"}',
        b'{"\\ud800": 1}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1),
    ],
)
def test_what_a_database_cannot_keep_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        read_json(raw)
    assert all(problem.startswith("the body ") and len(problem) <= 200 for problem in refused.value.message)


@pytest.mark.parametrize(
    "value",
    [
        {"text": "Grüße 👋 \u0001", "whole": 2**53 + 1, "none": None},
        {"wide": [[1], [2], [3]] * 100},
        {"pair": "\U0001f600"},
    ],
)
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


def test_the_deepest_body_that_is_taken() -> None:
    body = b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
    assert read_json(body)
