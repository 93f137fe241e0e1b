"""Execution of a study: its session, the runner of its phases, and the live display."""
