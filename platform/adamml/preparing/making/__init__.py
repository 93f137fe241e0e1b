"""Makers of one file each. A maker runs in a process of its own, because its input is untrusted."""
