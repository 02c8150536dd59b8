from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gateway.api.sentences import PROBLEMS, bounded, problems_of


class _Message(BaseModel):
    role: Literal["system", "user"]
    content: Annotated[str, Field(max_length=5)]


class _Body(BaseModel):
    messages: list[_Message] = []
    limit: Annotated[int, Field(ge=0, le=10, strict=True)] = 1


def test_each_problem_begins_with_its_path() -> None:
    body = {"messages": [{"role": "robot", "content": "too long"}, {"role": "user"}, 7], "limit": 11}
    assert problems_of(_Body, body) == [
        "messages.0.role must be one of the following values: 'system' or 'user'",
        "messages.0.content must be shorter than or equal to 5 characters",
        "messages.1.content is required",
        "messages.2 must be an object",
        "limit must not be greater than 10",
    ]


def test_a_part_of_the_body_keeps_its_path() -> None:
    assert problems_of(_Body, {"limit": "1"}, within=("model",)) == ["model.limit must be an integer"]


def test_what_is_valid_has_no_problems() -> None:
    assert problems_of(_Body, {"messages": [{"role": "user", "content": "hi"}]}) == []


def test_an_answer_has_a_bounded_number_of_problems() -> None:
    problems = problems_of(_Body, {"messages": [7] * (PROBLEMS + 3)})
    assert len(problems) == PROBLEMS + 1
    assert problems[-1] == "and 3 more problems"
    assert bounded(problems[:PROBLEMS]) == problems[:PROBLEMS]
