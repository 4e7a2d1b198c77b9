"""A discrete-event simulation of a run: the engine's own queue, policy and crew on hosts that are not here."""
