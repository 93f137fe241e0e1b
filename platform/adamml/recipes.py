"""Recipes: functions of the modalities that return a complete config."""

from collections.abc import Callable
from dataclasses import replace

from adamml.config import (
    MODALITIES,
    AudioConfig,
    BackboneConfig,
    Config,
    DataConfig,
    LossConfig,
    MotionConfig,
    OptimizerConfig,
    PolicyConfig,
    RgbConfig,
    SyntheticConfig,
    UnimodalConfig,
)

Modalities = tuple[str, ...]
RGB_AUDIO: Modalities = ("rgb", "audio")
PUBLISHED_LAMBDAS: dict[Modalities, dict[str, float]] = {
    ("rgb", "audio"): {"rgb": 1.0, "audio": 0.05},
    ("rgb", "flow"): {"rgb": 1.0, "flow": 1.0},
    ("rgb", "audio", "flow"): {"rgb": 0.5, "audio": 0.05, "flow": 0.8},
}
"""paper.md 1.3."""
OTHER_LAMBDAS = {"rgb": 1.0, "audio": 0.05, "flow": 1.0, "rgbdiff": 1.0}
"""For tasks that nothing was published for."""


def parse_task(task: str) -> Modalities:
    """ "rgb+flow+audio" -> its modalities in the order of MODALITIES.

    Raises:
        ValueError: an unknown modality, one that is there twice, or none.
    """
    names = task.split("+")
    if not set(names) <= set(MODALITIES) or len(set(names)) < len(names):
        raise ValueError(
            f"task must be modalities of {', '.join(MODALITIES)}, each once, joined by +, "
            f"got {task!r}"
        )
    return tuple(m for m in MODALITIES if m in names)


def lambdas(modalities: Modalities) -> dict[str, float]:
    """The published weights of usage, or those of the same modalities elsewhere."""
    return PUBLISHED_LAMBDAS.get(modalities) or {m: OTHER_LAMBDAS[m] for m in modalities}


def proxies(modalities: Modalities) -> dict[str, str]:
    """The policy looks at differences of frames instead of flow (the poster's better variant)."""
    return {"flow": "rgbdiff"} if "flow" in modalities else {}


def kinetics_sounds(modalities: Modalities = RGB_AUDIO) -> Config:
    """Kinetics-Sounds with the settings of the published code (IBM/AdaMML).

    Published for rgb + audio: 88.17 top-1 at 76.45 GFLOPs per video, rgb in 46.47% and audio in
    94.15% of the segments; weighted fusion 87.86 at 145.17. ResNet-50 on 8 frames of 224 pixels,
    MobileNetV2 on 256 x 256 spectrograms, 5 segments in training and 10 in tests; unimodal 60
    epochs; then 5 warm-up, 20 alternating and 10 fine-tuning epochs; gamma 10, temperature 5
    decayed by 0.965 (paper.md 1.3).
    """
    recognition = {m: BackboneConfig() for m in modalities}
    if "audio" in modalities:
        recognition["audio"] = BackboneConfig(name="mobilenet_v2")
    return Config(
        recipe="kinetics_sounds",
        modalities=modalities,
        data=DataConfig(num_classes=31, loader_workers=8),
        recognition=recognition,
        policy=PolicyConfig(
            backbones={m: BackboneConfig(name="mobilenet_v2") for m in modalities},
            proxies=proxies(modalities),
            rates=dict.fromkeys(modalities, 0.5),
        ),
        loss=LossConfig(lambdas=lambdas(modalities)),
        unimodal={m: UnimodalConfig() for m in modalities},
    )


def demo(modalities: Modalities = RGB_AUDIO) -> Config:
    """The built-in dataset on a laptop: `make sweep`.

    Small networks with the paper's economics: rgb costs 41 times what audio does, the policy
    little (tests/cost asserts both from counted costs).
    """
    conv3 = BackboneConfig(name="conv3", width=16)
    resnet10 = BackboneConfig(name="resnet10")
    visual = UnimodalConfig(epochs=5, segments=2, lr=0.05, milestones=(4,))
    return Config(
        recipe="demo",
        modalities=modalities,
        data=DataConfig(
            num_classes=8,
            synthetic=SyntheticConfig(),
            train_segments=2,
            test_segments=5,
            batch_size=32,
        ),
        rgb=RgbConfig(
            frames=4,
            frame_stride=8,
            crop=48,
            train_short_side=(50, 58),
            test_short_side=54,
            stored_short_side=58,
            stored_every=4,
        ),
        audio=AudioConfig(n_fft=127, window=127, hop=480, steps=64),
        motion=MotionConfig(stack=2, step=4, algorithm="dis"),
        recognition={m: conv3 if m == "audio" else resnet10 for m in modalities},
        dropout=0.2,
        policy=PolicyConfig(
            backbones={m: replace(conv3, width=8) if m == "audio" else conv3 for m in modalities},
            proxies=proxies(modalities),
            rates=dict.fromkeys(modalities, 0.5),
            pixels=32,
            joint_width=128,
            lstm_width=64,
        ),
        loss=LossConfig(lambdas=lambdas(modalities), gamma=2.0, correctness="probability"),
        unimodal={m: replace(visual, epochs=6) if m == "audio" else visual for m in modalities},
        stages={"policy_only": 5, "warm_up": 0, "alternating": 1, "fine_tuning": 1},
        recognition_optimizer=OptimizerConfig(lr=0.01),
        policy_optimizer=OptimizerConfig(lr=1e-3),
    )


def tiny(modalities: Modalities = RGB_AUDIO) -> Config:
    """Seconds, not minutes: the same job, for tests and faults. Its accuracies mean nothing."""
    parent = demo(modalities)
    conv3 = BackboneConfig(name="conv3", width=4)
    return replace(
        parent,
        recipe="tiny",
        data=replace(
            parent.data,
            synthetic=SyntheticConfig(
                train_videos=32, validation_videos=16, test_videos=16, seconds=4.0, pixels=96
            ),
            train_segments=2,
            test_segments=3,
            batch_size=8,
        ),
        rgb=RgbConfig(
            frames=4,
            frame_stride=8,
            crop=24,
            train_short_side=(26, 30),
            test_short_side=28,
            stored_short_side=30,
            stored_every=4,
        ),
        recognition={m: conv3 if m == "audio" else replace(conv3, width=8) for m in modalities},
        policy=replace(
            parent.policy,
            backbones=dict.fromkeys(modalities, conv3),
            pixels=16,
            joint_width=16,
            lstm_width=8,
        ),
        unimodal={
            m: UnimodalConfig(epochs=2, segments=2, lr=0.05, milestones=()) for m in modalities
        },
        stages={"policy_only": 2, "warm_up": 1, "alternating": 1, "fine_tuning": 1},
    )


RECIPES: dict[str, Callable[[Modalities], Config]] = {
    "demo": demo,
    "kinetics_sounds": kinetics_sounds,
    "tiny": tiny,
}
