"""SIP headers as template variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*")
_TEMPLATE = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)

_LONGEST_NAME = 64

_OURS = frozenset(
    ["call", "customer", "phonenumber", "transport", "trunk", "now", "date", "time", "year", "month", "day"]
)
"""Variables that a caller does not change."""


def header_variables(headers: Mapping[str, str], texts: Iterable[str]) -> dict[str, str]:
    """Template variables of SIP headers: `X-Account: 7` is {{account}}, however the templates of the call write it.

    :param texts: where templates may stand
    """
    as_written = {
        name[2:]: value
        for name, value in headers.items()
        if name.lower().startswith("x-") and len(name) <= _LONGEST_NAME and _plain(name[2:]) not in _OURS
    }
    if not as_written:
        return {}
    values = {_plain(name): value for name, value in as_written.items()}
    asked = {
        name
        for text in texts
        for template in _TEMPLATE.findall(text)
        for name in _IDENTIFIER.findall(template)
        if _plain(name) in values
    }
    return {**values, **as_written, **{name: values[_plain(name)] for name in asked}}


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
