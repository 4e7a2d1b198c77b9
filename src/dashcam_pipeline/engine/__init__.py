"""The scheduler: queue, frame store, workers, supervisor, HUD. Knows nothing of vehicles."""
