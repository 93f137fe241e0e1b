"""Options of the jobs, and the plans that they are resolved to."""
