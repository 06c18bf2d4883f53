"""The section `databases`: where tables are that entities are read from, and its checks."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from overtide.schemas.configuration.checking import Checking
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.model import Model, Text
from overtide.schemas.mistakes import Path

DatabaseKind = Literal["postgres", "mysql", "sqlite", "duckdb", "delta", "iceberg"]
SERVERS = ("postgres", "mysql")
"""The kinds that are reached over a network; the others are files."""
ONLY_TABLES = {
    "delta": ("Delta table", "`table`: its folder"),
    "iceberg": ("Iceberg table", "`table`: its folder"),
    "mysql": ("table of MySQL", "`table`: a table, or a view that holds the query"),
}
"""The kinds that take no query, what their tables are called, and what to do instead."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OF_FILES = ("path", "format", "encoding", "delimiter")
"""The settings of an entity that say how its files are written."""


class Database(Model):
    """A database that entities are read from, and never written to."""

    kind: DatabaseKind = Field(description="what it is", examples=["postgres"])
    connection_variable: Text | None = Field(
        default=None,
        description="of `postgres` and `mysql`: the environment variable that holds the "
        "connection, so that no secret stands here",
        examples=["CRM_DATABASE"],
    )
    path: Text | None = Field(
        default=None,
        description="of `sqlite` and `duckdb`: its file, of `delta` and `iceberg`: the folder of "
        "their tables; within the project's folder",
        examples=["data/crm.sqlite"],
    )


def check_databases(checking: Checking, databases: Mapping[str, Database]) -> None:
    """Check that every database can be found, and that every entity says where its rows are."""
    for name, database in databases.items():
        _place(checking, ("databases", name), database)
    for name, entity in checking.entities.items():
        _source(checking, checking.places[name], entity, databases)


def _place(checking: Checking, place: Path, database: Database) -> None:
    if checking.is_broken((*place, "kind")):
        return
    served = database.kind in SERVERS
    needed, other = ("connection_variable", "path") if served else ("path", "connection_variable")
    if getattr(database, needed) is None:
        checking.add(
            "missing_setting",
            place,
            f"`{needed}` of the database is missing.",
            expected="the name of an environment variable" if served else "its file or folder",
        )
    if getattr(database, other) is not None:
        checking.add(
            "unused_setting",
            (*place, other),
            f"A database of the kind {database.kind} has no `{other}`.",
            value="",
            expected=f"`{needed}`",
        )
    elif served and database.connection_variable is not None:
        _variable(checking, (*place, "connection_variable"), database.connection_variable)


def _variable(checking: Checking, where: Path, variable: str) -> None:
    """Check the name of a variable; what is none may be a secret, and is not shown."""
    if not VARIABLE.fullmatch(variable) and not checking.is_broken(where):
        checking.add(
            "invalid_value",
            where,
            "It is not the name of an environment variable. The connection itself belongs into "
            "that variable.",
            value="",
            expected="a name such as CRM_DATABASE, without ${}",
        )


def _source(
    checking: Checking, place: Path, entity: Entity, databases: Mapping[str, Database]
) -> None:
    """Check that an entity is read from files or from a database, and not from both."""
    if entity.database is None:
        if entity.path is None and not checking.is_broken((*place, "path")):
            checking.add(
                "missing_setting",
                (*place, "path"),
                "`path` is missing.",
                expected="a file or a glob, or `database` with `table` or `query`",
            )
        _unused(checking, place, entity, ("table", "query"), "`database` beside it")
        return
    where = (*place, "database")
    if entity.database not in databases and not checking.is_broken(("databases",)):
        checking.unknown(where, entity.database, "database", databases)
    if (entity.table is None) == (entity.query is None):
        checking.add(
            "missing_setting" if entity.table is None else "unused_setting",
            where if entity.table is None else (*place, "query"),
            "An entity of a database has a `table` or a `query`, one of both.",
            expected="`table` or `query`",
        )
    database = databases.get(entity.database)
    if database is not None and database.kind in ONLY_TABLES and entity.query is not None:
        what, expected = ONLY_TABLES[database.kind]
        checking.add(
            "unused_setting",
            (*place, "query"),
            f"A {what} is read as it is, without a `query`.",
            expected=expected,
        )
    _unused(checking, place, entity, OF_FILES, "no setting of files beside `database`")


def _unused(
    checking: Checking, place: Path, entity: Entity, settings: tuple[str, ...], expected: str
) -> None:
    what = "files" if settings == OF_FILES else "a database"
    for setting in settings:
        if setting in entity.model_fields_set and getattr(entity, setting) is not None:
            checking.add(
                "unused_setting",
                (*place, setting),
                f"`{setting}` is about {what}, from which this entity is not read.",
                expected=expected,
            )
