"""Runs the revisions on the connection that `workers.migrate` hands over."""

import importlib

from alembic import context

connection = context.config.attributes["connection"]
writes_revision = context.config.attributes.get("writes_revision", False)

context.configure(
    connection=connection,
    target_metadata=importlib.import_module("activities.store.schema").metadata if writes_revision else None,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
