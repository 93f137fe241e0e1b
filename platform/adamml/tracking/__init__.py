"""Projection of journals into MLflow, in a process that training never waits for."""
