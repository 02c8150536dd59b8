"""Wait functions: what Vapi's users write has its value, and nothing else is evaluated."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conversation import wait_function
from gateway.conversation.wait_function import LONGEST_WAIT_MS, ExpressionError, wait_ms


@pytest.mark.parametrize(
    ("expression", "waits"),
    [
        (wait_function.DEFAULT, (20, 686, 3020)),
        ("70 + 4000 * x", (70, 2070, 4070)),
        ("4000 * (1 - cos(pi * x))", (0, 4000, 8000)),
        ("2000 / (1 + exp(-10 * (x - 0.5)))", (13, 1000, 1987)),
        ("(20 + 500 * sqrt(x) + 2500 * x^3 + 700 + 4000 * max(0, x-0.5)) / 2", (360, 693, 2860)),
        ("200 - 400 * x", (200, 0, 0)),
        ("-x^2 + 2^-1 * 100 % 30", (0, 0, 0)),
        ("1e9 * x", (0, LONGEST_WAIT_MS, LONGEST_WAIT_MS)),
    ],
)
def test_it_has_the_value_of_the_expression(expression: str, waits: tuple[int, int, int]) -> None:
    wait_function.check(expression)
    assert tuple(wait_ms(expression, x) for x in (0, 0.5, 1)) == pytest.approx(waits, abs=20)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "y",
        "sqrt",
        "x y",
        "4000x",
        "True",
        "'a'",
        "x.real",
        "[x]",
        "x if x else 1",
        "(lambda: 1)()",
        "__import__('os')",
        "max(*[x])",
        "max(x, key=x)",
        "sqrt()",
        "sqrt(-1)",
        "1 / x",
        "log(x)",
        "(x - 1)^0.5",
        "9^9^9^9",
        "1e999 - 1e999",
        "(" * 250 + "x" + ")" * 20,
        "x" + "+x" * 200,
    ],
)
def test_what_is_no_function_of_x_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        wait_function.check(expression)


@settings(deadline=None)
@given(st.text(alphabet="x0123456789.+-*/^%() sqrtcoexplmina,_", max_size=60), st.floats(0, 1))
def test_whatever_is_written_gives_a_wait_or_is_refused(expression: str, x: float) -> None:
    with contextlib.suppress(ExpressionError):
        assert 0 <= wait_ms(expression, x) <= LONGEST_WAIT_MS
