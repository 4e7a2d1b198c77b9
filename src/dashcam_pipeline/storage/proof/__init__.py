"""The evidence pictures: writing them, their budget, their place."""
