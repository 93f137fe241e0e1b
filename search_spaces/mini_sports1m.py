"""The space on Mini-Sports1M: that of Kinetics-Sounds, whose networks and schedules it shares."""

from search_spaces.kinetics_sounds import JOINT, RECOGNITION, TRIALS, space

__all__ = ["JOINT", "RECOGNITION", "TRIALS", "space"]
