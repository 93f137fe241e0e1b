"""Networks: what recognises, what decides, and how the two are joined."""
