"""Fronts, paired differences, and fronts of retrained configurations."""
