"""The task queues: who works on what."""

ORDERS = "orders"
"""Order workflows and all that they call: a worker that has decided on a call begins it at once, which only the queue of the
workflow itself allows, and which saves a fifth of what Temporal costs an order."""
SUBSCRIPTIONS = "subscriptions"
"""Subscriptions, and commands to invoices: a person waits for these, and they are few."""
JOBS = "jobs"
"""What runs on a schedule: the patrol and reconciliation."""
ALL = (ORDERS, SUBSCRIPTIONS, JOBS)
