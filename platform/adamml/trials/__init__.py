"""The work of a slot on one assignment."""
