"""Brings a database to the tables of this version."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from gateway.errors import StoreError

HEAD = "0003"
"""The newest revision of `migrations/versions/`."""
_LOCK = 0x7061726C
"""Names PostgreSQL's advisory lock: of several processes that open a new database, one migrates."""


def migrate(connection: Connection) -> None:
    """Apply what is missing, in the connection's transaction. Nothing is done, at once, when nothing is missing.

    :raises StoreError: a newer Parley made this database
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    else:
        connection.execute(text("SELECT 1"))  # begins the transaction that keeps other processes out
    if _revision(connection) == HEAD:
        return
    upgrade(connection, HEAD)


def upgrade(connection: Connection, revision: str) -> None:
    """Go up to a revision.

    :raises StoreError: the database has a revision that is not known here
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(files("gateway.store") / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        known = _revision(connection)
        message = f"The database has revision {known}, which this version of Parley does not know: run a newer one."
        raise StoreError(message) from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
