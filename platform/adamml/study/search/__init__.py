"""Searchers that suggest trials and schedulers that stop them."""
