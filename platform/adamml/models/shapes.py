"""The shape of one segment's input, per modality, as recognition and policy see it."""

from adamml.config import Config

Shape = tuple[int, int, int, int]
"""F, C, H, W of one segment."""


def channels(config: Config, modality: str) -> int:
    """Of one frame: rgb 3, audio 1; flow 2 and rgbdiff 3 for each of motion.stack."""
    stack = config.motion.stack
    return {"rgb": 3, "audio": 1, "flow": 2 * stack, "rgbdiff": 3 * stack}[modality]


def segment_shape(config: Config, modality: str) -> Shape:
    """What a recognition network sees: [F, C, crop, crop]; of audio [1, 1, bins, steps]."""
    if modality == "audio":
        return 1, 1, config.audio.n_fft // 2 + 1, config.audio.steps
    return config.rgb.frames, channels(config, modality), config.rgb.crop, config.rgb.crop


def policy_shape(config: Config, modality: str) -> Shape:
    """What a learned policy sees to decide about a modality.

    Every frame_step-th frame of that modality or its proxy, resized to policy.pixels; audio as it
    is.
    """
    seen = config.seen[modality]
    frames, depth, height, width = segment_shape(config, seen)
    if seen == "audio":
        return frames, depth, height, width
    pixels = config.policy.pixels
    return -(-frames // config.policy.frame_step), depth, pixels, pixels
