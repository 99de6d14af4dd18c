"""Statements that are put into SQL once, and then given to SQLite's own driver.

To hand over a small statement costs SQLAlchemy ten times what it costs SQLite to carry it out, and more where its code
has to come back into the processor's cache first, as at the one alert of an hour. Between an alert and its message lie
some ten statements. PostgreSQL, where the way to the server is what takes the time, is asked through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Compiled, Connection, Insert, Select, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from liqalert.storage.at_once import InThread

Values: TypeAlias = Mapping[str, object]
"""By the names of a statement's parameters; lists for those that are `expanding`."""

_DIALECT = sqlite.dialect()


class Prepared:
    """One statement, for connections of `Database.write_at_once` and `read_at_once`, or any other of SQLAlchemy.

    What SQLite gives is as it stores it: truth as 0 and 1, everything else as the tables say.
    """

    def __init__(self, statement: Select[Any] | Insert | Update) -> None:
        self._statement = statement
        self._texts: dict[tuple[object, ...], _Text] = {}
        """By the names that are given, and the lengths of the lists among them."""

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        """All rows, each in the order of the statement's columns."""
        if not isinstance(connection, InThread):
            return connection.execute(self._statement, values).all()
        text = self._text(values)
        return connection.raw.execute(text.sql, text.in_order(values)).fetchall()

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
        connection.raw.executemany(text.sql, [text.in_order(values) for values in many])

    def _text(self, values: Values) -> _Text:
        form = (*values, *(len(value) for value in values.values() if isinstance(value, list)))
        text = self._texts.get(form)
        if text is None:
            compiled = self._statement.compile(dialect=_DIALECT, column_keys=list(values))
            text = self._texts[form] = _put_into_sql(compiled, values)
        return text


class _Text(NamedTuple):
    sql: str
    names: tuple[str, ...]
    """What stands for each parameter of the text, or for as many of them as it has values."""
    fixed: Values
    """The values that are part of the statement."""

    def in_order(self, values: Values) -> list[object]:
        given: list[object] = []
        for name in self.names:
            value = values[name] if name in values else self.fixed[name]
            if isinstance(value, list):
                given += value
            else:
                given.append(value)
        return given


def _put_into_sql(compiled: Compiled, values: Values) -> _Text:
    assert isinstance(compiled, SQLCompiler)
    names = tuple(compiled.positiontup or ())
    known = compiled.construct_params(dict(values))
    fixed = {name: known[name] for name in names if name not in values}
    return _Text(compiled.construct_expanded_state(dict(values)).statement, names, fixed)
