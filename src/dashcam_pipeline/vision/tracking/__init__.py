"""From the boxes of successive frames to vehicles that pass, and their best views."""
