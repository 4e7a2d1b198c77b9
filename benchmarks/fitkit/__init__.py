"""Fitting the small models that travel with the code, on drives with known plates."""
