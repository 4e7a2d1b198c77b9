"""Sightings as files: a module a format, what is written (`extract`), and where to (`writing`)."""
