"""What a call used, added up over its workers."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.usage import Usage, UsageBook, read_usage


def test_amounts_of_one_provider_and_model_are_one_row() -> None:
    book = UsageBook()
    book.add(Usage("model", "openai", "gpt-4o", prompt_tokens=10, completion_tokens=3))
    book.add(Usage("voice", "hibari", characters=7))
    book.add(Usage("model", "openai", "gpt-4o", prompt_tokens=20, cached_prompt_tokens=8))
    assert book.rows() == [
        {
            "stage": "model",
            "provider": "openai",
            "model": "gpt-4o",
            "prompt_tokens": 30,
            "cached_prompt_tokens": 8,
            "completion_tokens": 3,
        },
        {"stage": "voice", "provider": "hibari", "characters": 7},
    ]


def test_news_are_told_once() -> None:
    book = UsageBook()
    assert book.news() is None
    book.add(Usage("voice", "hibari", characters=7))
    assert book.news() == book.rows()
    assert book.news() is None


def test_a_second_worker_goes_on_where_the_first_one_stopped() -> None:
    first = UsageBook()
    first.add(Usage("voice", "hibari", characters=7))
    second = UsageBook(json.loads(json.dumps(first.rows())))
    assert second.news() is None, "what another worker wrote is no news"
    second.add(Usage("voice", "hibari", characters=5))
    assert second.news() == [{"stage": "voice", "provider": "hibari", "characters": 12}]


def test_fields_of_a_newer_version_are_left_out() -> None:
    assert read_usage({"stage": "voice", "provider": "x", "bananas": 3}) == Usage("voice", "x")


@given(
    st.lists(st.builds(Usage, st.just("model"), st.sampled_from("ab"), prompt_tokens=st.integers(0, 999)), max_size=9)
)
def test_nothing_is_lost_or_doubled_wherever_the_call_moves(usages: list[Usage]) -> None:
    book = UsageBook()
    for usage in usages:
        book = UsageBook(book.rows())
        book.add(usage)
    assert sum(usage.prompt_tokens for usage in book.sums) == sum(usage.prompt_tokens for usage in usages)
