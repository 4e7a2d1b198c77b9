"""How right the rows of a run are, and where each miss comes from."""
