"""The options of a job, and the definite plan that they become."""
