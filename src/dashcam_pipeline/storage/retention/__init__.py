"""Keeping no more than is wanted: purging, and plates as hashes."""
