"""Alembic's entry: runs the migrations on the connection, and in the transaction, that `run` hands over."""

from alembic import context

from waypost.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
