"""Patterns of routes: shell patterns, and regular expressions between slashes. Pure.

Regular expressions are RE2's, whose time is linear in the text: no caller can make a route slow.
"""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from typing import Annotated

import re2
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

ANYTHING = "*"
_WILD = frozenset("*?[")
_MOST_BYTES = 1 << 20


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether `text` fits: the whole of it a shell pattern, any part of it a regular expression."""
    if is_expression(pattern):
        return bool(_compiled(pattern[1:-1], ignore_case).search(text.encode(errors="ignore").decode()))
    return fnmatchcase(text.lower(), pattern.lower()) if ignore_case else fnmatchcase(text, pattern)


def is_expression(pattern: str) -> bool:
    """Whether it is a regular expression: /^\\+49(30|40)/"""
    return len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/")


def is_literal(pattern: str) -> bool:
    """Whether one text alone fits it."""
    return not is_expression(pattern) and not _WILD & set(pattern)


@functools.lru_cache(maxsize=1024)
def _compiled(expression: str, ignore_case: bool) -> re2._Regexp:
    options = re2.Options()
    options.log_errors, options.max_mem, options.case_sensitive = False, _MOST_BYTES, not ignore_case
    return re2.compile(expression, options)


def _usable(pattern: str) -> str:
    if is_expression(pattern):
        try:
            _compiled(pattern[1:-1], False)
        except re2.error as error:
            said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
            raise PydanticCustomError("pattern", "a regular expression of RE2 ({said})", {"said": said}) from None
    return pattern


PatternText = Annotated[str, AfterValidator(_usable)]
"""A pattern of the settings."""
