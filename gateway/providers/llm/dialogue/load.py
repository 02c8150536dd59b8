"""Reads a dialogue from YAML. What is wrong is reported with its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.errors import ConfigError
from gateway.providers.llm.dialogue.definition import Dialogue


def load_dialogue(path: Path) -> Dialogue:
    """The dialogue in a file.

    :raises ConfigError: the file cannot be read or is no dialogue; the sentence begins with file:line
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The dialogue {path} cannot be read: {error.strerror}.") from error
    return parse_dialogue(text, str(path))


def parse_dialogue(text: str, name: str) -> Dialogue:
    """As `load_dialogue`, from the text of a file of that name."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: {error.problem or 'this is not YAML'}.") from error
    try:
        return Dialogue.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, str)) or "the dialogue"
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name}:{_line(root, first['loc'])}: {where}: {message}.") from error


def _line(node: Any, location: tuple[int | str, ...]) -> int:
    """Line of the deepest node on the way to a location that the file really has."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = [(node.value[part], node.value[part])]
        else:
            found = []
        if found:
            key, node = found[0]
            line = key.start_mark.line + 1
    return int(line)
