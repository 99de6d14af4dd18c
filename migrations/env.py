"""Runs the migrations on the connection that liqalert.storage.schema hands over, inside its transaction.

There is no alembic.ini: `liqalert db upgrade` is the way to run them. A new one is a file in versions/ named
NNNN_what.py; the store tests compare its result with liqalert/storage/tables.py on both databases.
"""

from alembic import context

from liqalert.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite cannot change a table in place: Alembic then makes a new one and copies the rows.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
