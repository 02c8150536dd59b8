"""The option that names the settings file, and what is read from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Settings file. Default: $PARLEY_CONFIG, config/parley.yaml, /etc/parley/parley.yaml.",
    ),
]


def settings_file(named: Path | None) -> Path | None:
    """The file that was named, else the one that is found."""
    from gateway import config

    return named or config.find()


def read_settings(named: Path | None) -> Settings:
    """Read the settings; from here on warnings are logged to standard error, and standard output is the command's."""
    from gateway import config
    from gateway.observe import logging
    from gateway.settings import LogSettings

    logging.configure(LogSettings(level="warning"))
    return config.load(settings_file(named))
