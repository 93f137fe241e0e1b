"""Shapes of one segment's input, per modality, as recognition and policy networks see it."""

from adamml.config import Config

Shape = tuple[int, int, int, int]
"""Type of the shape [F, C, H, W] of one segment."""


def channels(config: Config, modality: str) -> int:
    """Return the channels C of one frame.

    rgb has 3 and audio 1; flow has 2 and rgbdiff 3 for each of the motion.stack pairs of frames.
    """
    stack = config.motion.stack
    return {"rgb": 3, "audio": 1, "flow": 2 * stack, "rgbdiff": 3 * stack}[modality]


def segment_shape(config: Config, modality: str) -> Shape:
    """Return the shape that a recognition network sees: [F, C, H, W], for audio [1, 1, B, T]."""
    if modality == "audio":
        return 1, 1, config.audio.n_fft // 2 + 1, config.audio.steps
    return config.rgb.frames, channels(config, modality), config.rgb.crop, config.rgb.crop


def policy_shape(config: Config, modality: str) -> Shape:
    """Return the shape that a learned policy sees to decide about a modality.

    That is every frame_step-th frame of the modality or its proxy, resized to policy.pixels; audio
    is seen whole.
    """
    source = config.policy_inputs[modality]
    frames, depth, height, width = segment_shape(config, source)
    if source == "audio":
        return frames, depth, height, width
    pixels = config.policy.pixels
    return -(-frames // config.policy.frame_step), depth, pixels, pixels  # rounded up
