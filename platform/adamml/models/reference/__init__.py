"""The released reference implementation: its checkpoints and golden cases."""
