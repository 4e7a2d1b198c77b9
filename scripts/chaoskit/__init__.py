"""The parts of `scripts/chaos.py`: runs of the job that are disturbed from outside, and what is left of them."""
