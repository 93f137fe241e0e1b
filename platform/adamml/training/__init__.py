"""Training and evaluation of a model, without Ray: progress is reported through a callback."""
