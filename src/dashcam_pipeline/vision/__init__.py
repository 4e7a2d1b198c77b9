"""Models and geometry. Knows nothing of queues or processes."""
