"""The shape of one segment's input, per modality, as recognition and policy see it."""

from adamml.config import Config

CHANNELS = {"rgb": 3, "audio": 1}

Shape = tuple[int, int, int, int]
"""F, C, H, W of one segment."""


def segment_shape(config: Config, modality: str) -> Shape:
    """What a recognition network sees: rgb [F, 3, crop, crop], audio [1, 1, bins, steps]."""
    if modality == "audio":
        return 1, CHANNELS[modality], config.audio.n_fft // 2 + 1, config.audio.steps
    return config.rgb.frames, CHANNELS[modality], config.rgb.crop, config.rgb.crop


def policy_shape(config: Config, modality: str) -> Shape:
    """What the policy sees: every frame_step-th frame, resized to policy.pixels; audio as it is."""
    frames, channels, height, width = segment_shape(config, modality)
    if modality == "audio":
        return frames, channels, height, width
    pixels = config.policy.pixels
    return -(-frames // config.policy.frame_step), channels, pixels, pixels
