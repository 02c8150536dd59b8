"""File, environment, validation and checks, one after the other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.config import environment
from gateway.config.checks import check
from gateway.config.explanation import explain
from gateway.config.source import Path, Problem, Source
from gateway.config.yaml_file import Unreadable, read
from gateway.errors import ConfigError
from gateway.settings import Settings

CONFIG_VARIABLE = "PARLEY_CONFIG"
PLACES = (FilePath("config/parley.yaml"), FilePath("/etc/parley/parley.yaml"))
"""Where the settings file is looked for when none is named."""


def find(environ: Mapping[str, str] = os.environ) -> FilePath | None:
    """The settings file: the one that PARLEY_CONFIG names, else the first of `PLACES` that exists."""
    if named := environ.get(CONFIG_VARIABLE):
        return FilePath(named)
    return next((place for place in PLACES if place.is_file()), None)


def load(file: FilePath | None, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Relative paths in the file are taken from the file's folder, those in variables from the working directory.

    :param file: the YAML file; None for defaults and environment alone
    :raises ConfigError: with one line for each thing that is wrong
    """
    try:
        source = read(file) if file else Source("settings")
    except Unreadable as error:
        raise ConfigError(str(error.problem)) from error
    _anchor_files(source, (file.parent if file else FilePath()).absolute())
    problems = environment.overlay(source, environ, Settings.model_fields)
    problems += _missing_files(source)
    try:
        settings = Settings.model_validate(source.data)
    except ValidationError as error:
        raise _config_error(problems + explain(error, source, Settings)) from error
    problems += [source.problem(path, message) for path, message in check(settings)]
    if problems:
        raise _config_error(problems)
    return settings


def load_assistant(file: FilePath) -> Assistant:
    """Read a file that holds one assistant; its model may be left out where none is needed.

    :raises ConfigError: with one line for each thing that is wrong
    """
    try:
        source = read(file)
    except Unreadable as error:
        raise ConfigError(str(error.problem)) from error
    try:
        return Assistant.model_validate({"model": {"provider": "none"}, **source.data})
    except ValidationError as error:
        raise _config_error(explain(error, source, Assistant)) from error


def _config_error(problems: list[Problem]) -> ConfigError:
    return ConfigError("\n".join(str(problem) for problem in sorted(problems, key=lambda problem: problem.line)))


def _anchor_files(source: Source, folder: FilePath) -> None:
    """Make `data_dir`, every provider's `file` and the files of TLS absolute, from `folder` on."""
    if isinstance(data_dir := source.data.get("data_dir"), str):
        source.data["data_dir"] = str(folder / FilePath(data_dir).expanduser())
    for _, options in _provider_options(source.data.get("assistants")):
        if isinstance(name := options.get("file"), str):
            options["file"] = str(folder / FilePath(name).expanduser())
    for tls in _tls_sections(source.data):
        for key in ("certificate_file", "key_file", "ca_file"):
            if isinstance(name := tls.get(key), str):
                tls[key] = str(folder / FilePath(name).expanduser())


def _missing_files(source: Source) -> list[Problem]:
    return [
        source.problem((*path, "file"), f"expected a file, there is no {options['file']}")
        for path, options in _provider_options(source.data.get("assistants"))
        if isinstance(options.get("file"), str) and not FilePath(options["file"]).is_file()
    ]


def _tls_sections(data: Any) -> list[dict[str, Any]]:
    """`tls` of sip and of each trunk, as far as they are written as mappings."""
    trunks = data.get("trunks")
    owners = [data.get("sip"), *(trunks if isinstance(trunks, list) else [])]
    sections = [owner.get("tls") for owner in owners if isinstance(owner, dict)]
    return [section for section in sections if isinstance(section, dict)]


def _provider_options(assistants: Any) -> list[tuple[Path, dict[str, Any]]]:
    """The transcriber, model and voice of each assistant, as far as they are written as mappings."""
    return [
        (("assistants", name, part), assistant[part])
        for name, assistant in (assistants.items() if isinstance(assistants, dict) else ())
        for part in ("transcriber", "model", "voice")
        if isinstance(assistant, dict) and isinstance(assistant.get(part), dict)
    ]
