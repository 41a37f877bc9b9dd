"""The task queues: who works on what."""

ORDERS = "orders"
"""Order workflows and the local activities of their database."""
SUBSCRIPTIONS = "subscriptions"
PAYMENTS = "payments"
PARTNERS = "partners"
"""Calls to provisioned systems."""
JOBS = "jobs"
"""What runs on a schedule: the patrol."""
ALL = (ORDERS, SUBSCRIPTIONS, PAYMENTS, PARTNERS, JOBS)
