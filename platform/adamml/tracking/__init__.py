"""Journals projected into MLflow."""
