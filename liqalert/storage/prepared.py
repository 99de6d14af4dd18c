"""Statements that are put into SQL once, and then given to SQLite's own driver.

To hand over a small statement costs SQLAlchemy ten times what it costs SQLite to carry it out, and more where its code
has to come back into the processor's cache first, as at the one alert of an hour. Between an alert and its message lie
some ten statements. PostgreSQL, where the way to the server is what takes the time, is asked through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, Insert, Select, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from liqalert.storage.at_once import InThread

Values: TypeAlias = Mapping[str, Any]
"""By the names of a statement's parameters; lists for those that are `expanding`."""

# A dictionary of values is then taken as it is.
_DIALECT = sqlite.dialect(paramstyle="named")


class Prepared:
    """One statement, for connections of `Database.write_at_once` and `read_at_once`, or any other of SQLAlchemy.

    What SQLite gives is as it stores it: truth as 0 and 1, everything else as the tables say.
    """

    def __init__(self, statement: Select[Any] | Insert | Update, *, lists: tuple[str, ...] = ()) -> None:
        """`lists`: the parameters that are `expanding`."""
        self._statement = statement
        self._lists = lists
        self._texts: dict[tuple[object, ...], _Text] = {}
        """By the names that are given, and the lengths of the lists among them."""

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        """All rows, each in the order of the statement's columns."""
        if not isinstance(connection, InThread):
            return connection.execute(self._statement, values).all()
        text = self._text(values)
        return connection.raw.execute(text.sql, text.bound(values)).fetchall()

    def rows_of_each(self, connection: Connection, many: Sequence[Values]) -> Sequence[Any]:
        """The rows that an INSERT of each of `many`, which have the same names, gives back."""
        if not isinstance(connection, InThread):
            return connection.execute(self._statement, many).all()
        return [row for values in many for row in self.rows(connection, values)]

    def run(self, connection: Connection, many: Sequence[Values]) -> None:
        """Once with each of `many`, at least one, which have the same names and no lists."""
        if not isinstance(connection, InThread):
            connection.execute(self._statement, many)
            return
        text = self._text(many[0])
        connection.raw.executemany(text.sql, map(text.bound, many) if text.fixed else many)

    def _text(self, values: Values) -> _Text:
        names = (*values,)
        form = names + tuple(len(values[name]) for name in self._lists) if self._lists else names
        text = self._texts.get(form)
        if text is None:
            text = self._texts[form] = _put_into_sql(self._statement, values, self._lists)
        return text


class _Text(NamedTuple):
    sql: str
    fixed: Values
    """The values that are part of the statement."""
    lists: Sequence[str]

    def bound(self, values: Values) -> Values:
        """Those that are given and those that are fixed, each of a list by a name of its own."""
        if not self.fixed and not self.lists:
            return values
        found = {**self.fixed, **values}
        for name in self.lists:
            found |= {f"{name}_{number}": value for number, value in enumerate(found.pop(name), start=1)}
        return found


def _put_into_sql(statement: Select[Any] | Insert | Update, values: Values, lists: Sequence[str]) -> _Text:
    compiled = statement.compile(dialect=_DIALECT, column_keys=[*values])
    assert isinstance(compiled, SQLCompiler)
    expanded = compiled.construct_expanded_state(dict(values))
    given = _Text("", {}, lists).bound(values)
    return _Text(
        expanded.statement, {name: expanded.parameters[name] for name in expanded.parameters.keys() - given}, lists
    )
