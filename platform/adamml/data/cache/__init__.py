"""Decoded frames and sound, kept once per node."""
