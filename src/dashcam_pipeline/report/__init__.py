"""What results look like for people: a sighting in words, as a page and as a picture, and the report of a run."""
