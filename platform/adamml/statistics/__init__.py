"""Statistics of results: fronts, paired differences, and fronts of retrained configurations."""
