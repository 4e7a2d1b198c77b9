"""What runs have written, read back: tables, searches, explanations."""
