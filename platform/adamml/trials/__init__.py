"""The work of a slot on one assignment, with every step in a journal."""
