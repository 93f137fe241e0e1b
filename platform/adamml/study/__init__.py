"""Studies: which trials are run, in which phases, and what is chosen from their results."""
