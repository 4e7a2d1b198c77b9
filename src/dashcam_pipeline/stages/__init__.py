"""One file a task category, and `pipeline.py`, the one table of what follows what."""
