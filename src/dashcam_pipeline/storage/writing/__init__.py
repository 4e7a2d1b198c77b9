"""Rows on their way into Postgres: outbox, delivery, writer."""
