"""One file each, made in a process of its own."""
