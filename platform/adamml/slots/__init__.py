"""Warm groups of Ray Train workers that run one assignment after another."""
