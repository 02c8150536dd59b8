"""YAML with the line of every key.

PyYAML composes nodes that carry marks; this walks them, so that a wrong value is reported where it stands. Only plain
data is made (SafeLoader): a tag that would construct an object is refused.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import yaml

from gateway.config.source import Path, Problem, Source, dotted

_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NOT_MAPPING = "expected settings as key: value lines"


class Unreadable(Exception):
    """The file is no YAML that settings can be read from."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def read(file: FilePath) -> Source:
    """Read a YAML file of settings.

    :raises Unreadable: when it cannot be opened or is no mapping of plain data
    """
    source = Source(str(file))
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Unreadable(Problem(str(file), "", f"cannot be read: {error.strerror}")) from error
    except UnicodeDecodeError as error:
        raise Unreadable(
            Problem(str(file), "", f"expected UTF-8 text, got byte {error.start} of another kind")
        ) from error
    try:
        _compose(text, source)
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax_problem(file, error)) from error
    except yaml.YAMLError as error:
        raise Unreadable(Problem(str(file), "", f"expected YAML: {' '.join(str(error).split())}")) from error
    return source


def _compose(text: str, source: Source) -> None:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is not None:
            source.data = _Walk(loader, source).settings(root)
    finally:
        loader.dispose()


def _syntax_problem(file: FilePath, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    place = f"{file}:{mark.line + 1}" if mark else str(file)
    return Problem(place, "", f"expected YAML: {said}")


class _Walk:
    """Turns nodes into data and notes their places."""

    def __init__(self, loader: yaml.SafeLoader, source: Source) -> None:
        self._loader = loader
        self._source = source
        self._open: list[yaml.Node] = []

    def settings(self, root: yaml.Node) -> dict[str, Any]:
        if not isinstance(root, yaml.MappingNode):
            raise self._unreadable(root, (), _NOT_MAPPING)
        return self._mapping(root, ())

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._note(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._loader.construct_object(node)
        if node.tag not in _PLAIN_TAGS:
            raise self._unreadable(node, path, f"expected plain data, got {node.tag}")
        if any(node is one for one in self._open):
            raise self._unreadable(node, path, "expected plain data, got an alias of itself")
        self._open.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        assert isinstance(node, yaml.MappingNode)
        self._refuse_duplicates(node, path)
        self._loader.flatten_mapping(node)
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            # As written: YAML takes a bare `on` for true, and hooks have a key of that name.
            key = str(key_node.value)
            data[key] = self._value(value_node, (*path, key))
            self._note(key_node, (*path, key))
        return data

    def _refuse_duplicates(self, node: yaml.MappingNode, path: Path) -> None:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise self._unreadable(key_node, (*path, key), f"expected once, got it in line {seen[key]} too")
            seen[key] = key_node.start_mark.line + 1

    def _note(self, node: yaml.Node, path: Path) -> None:
        line = node.start_mark.line + 1
        self._source.places[path] = (f"{self._source.name}:{line}", line)

    def _unreadable(self, node: yaml.Node, path: Path, message: str) -> Unreadable:
        line = node.start_mark.line + 1
        return Unreadable(Problem(f"{self._source.name}:{line}", dotted(path), message, line))
