"""From a view of a vehicle to its plate: which box is its own, its picture, how readable that is, formats of texts."""
