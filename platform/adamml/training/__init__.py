"""Training and evaluation; knows no Ray: it reports through a callback."""
