"""A `waitFunction`: how long to wait in ms, as an expression of x, the probability that the caller will go on.

    20 + 500 * sqrt(x) + 2500 * x^3

The notation is that of mathjs as far as such functions need it: numbers, x, pi, e, + - * / % ^ ( ) and `FUNCTIONS`.
Python's own parser reads it, and only these parts of its tree are ever looked at; nothing is executed.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Callable, Mapping

LONGEST_CHARACTERS = 300
LONGEST_WAIT_MS = 15_000
DEFAULT = "20 + 500 * sqrt(x) + 2500 * x^3"

FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "pow": math.pow,
    "round": round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class ExpressionError(ValueError):
    """The text is no expression of x, or has no value there."""


def wait_ms(expression: str, x: float) -> int:
    """The value at x (0 to 1) in ms, brought within 0 and `LONGEST_WAIT_MS`.

    :raises ExpressionError: it is no expression, or has no value at x
    """
    try:
        value = _value(_parse(expression), x)
    except ExpressionError:
        raise
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ExpressionError(f"it has no value at x = {x:g}: {error}") from error
    if math.isnan(value):
        raise ExpressionError(f"it has no value at x = {x:g}")
    return round(min(max(value, 0.0), LONGEST_WAIT_MS))


def check(expression: str) -> None:
    """Look at the whole range of x in steps of a hundredth.

    :raises ExpressionError: it is no expression, or has no value somewhere
    """
    for hundredths in (0, 50, 100, *range(1, 100)):
        wait_ms(expression, hundredths / 100)


@functools.lru_cache(maxsize=256)
def _parse(expression: str) -> ast.expr:
    if len(expression) > LONGEST_CHARACTERS:
        raise ExpressionError(f"it is longer than {LONGEST_CHARACTERS} characters")
    try:
        return ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ExpressionError("it cannot be read") from error


def _value(node: ast.expr, x: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id="x"):
            return x
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(operand, x))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
            return _OPERATORS[type(operation)](_value(left, x), _value(right, x))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return float(FUNCTIONS[name](*(_value(argument, x) for argument in arguments)))
    raise ExpressionError(f"{ast.unparse(node).replace('**', '^')} is not known there")
