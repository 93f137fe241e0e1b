"""The space on ActivityNet: that of Kinetics-Sounds, whose networks and schedules it shares."""

from search_spaces.kinetics_sounds import CONFIRM_FRONT, JOINT, RECOGNITION, TRIALS, space

__all__ = ["CONFIRM_FRONT", "JOINT", "RECOGNITION", "TRIALS", "space"]
