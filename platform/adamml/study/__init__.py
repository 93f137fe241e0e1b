"""Trials on slots, and the study that decides which trials to run."""
