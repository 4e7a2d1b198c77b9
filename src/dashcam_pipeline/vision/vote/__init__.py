"""From what was read in many views to one plate a vehicle, and one row a vehicle."""
