"""The losses that training minimises and the qualities that a search optimises."""
