"""What `bench.py` and `scaling.py` share: videos, runs of both contenders, tables, curves."""
