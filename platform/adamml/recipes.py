"""Recipes: functions that return a complete config; a variant replaces fields of its parent."""

from collections.abc import Callable
from dataclasses import replace

from adamml.config import (
    AudioConfig,
    BackboneConfig,
    Config,
    DataConfig,
    LossConfig,
    OptimizerConfig,
    PolicyConfig,
    RgbConfig,
    SyntheticConfig,
    UnimodalConfig,
)


def kinetics_sounds() -> Config:
    """Kinetics-Sounds, rgb + audio, with the settings of the published code (IBM/AdaMML).

    Published: 88.17 top-1 at 76.45 GFLOPs per video, rgb in 46.47% and audio in 94.15% of the
    segments; weighted fusion 87.86 at 145.17. ResNet-50 on 8 frames of 224 pixels, MobileNetV2 on
    256 x 256 spectrograms, 5 segments in training and 10 in tests; unimodal 60 epochs; then 5
    warm-up, 20 alternating and 10 fine-tuning epochs; lambda 1.0 and 0.05, gamma 10, temperature 5
    decayed by 0.965 (paper.md 1.3).
    """
    return Config(recipe="kinetics_sounds", data=DataConfig(num_classes=31, loader_workers=8))


def demo() -> Config:
    """The built-in dataset on a laptop: `make sweep`.

    Small networks with the paper's economics: rgb costs 41 times what audio does, the policy
    little (tests/cost asserts both from counted costs).
    """
    conv3 = BackboneConfig(name="conv3", width=16)
    return Config(
        recipe="demo",
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
        recognition={"rgb": BackboneConfig(name="resnet10"), "audio": conv3},
        dropout=0.2,
        policy=PolicyConfig(
            backbones={"rgb": conv3, "audio": replace(conv3, width=8)},
            pixels=32,
            joint_width=128,
            lstm_width=64,
        ),
        loss=LossConfig(lambdas={"rgb": 1.0, "audio": 0.05}, gamma=2.0, correctness="probability"),
        unimodal={
            "rgb": UnimodalConfig(epochs=5, segments=2, lr=0.05, milestones=(4,)),
            "audio": UnimodalConfig(epochs=6, segments=2, lr=0.05, milestones=(4,)),
        },
        stages={"policy_only": 5, "warm_up": 0, "alternating": 1, "fine_tuning": 1},
        recognition_optimizer=OptimizerConfig(lr=0.01),
        policy_optimizer=OptimizerConfig(lr=1e-3),
    )


def tiny() -> Config:
    """Seconds, not minutes: the same job, for tests and faults. Its accuracies mean nothing."""
    parent = demo()
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
        recognition={"rgb": replace(conv3, width=8), "audio": conv3},
        policy=PolicyConfig(
            backbones={"rgb": conv3, "audio": conv3}, pixels=16, joint_width=16, lstm_width=8
        ),
        unimodal={
            m: UnimodalConfig(epochs=2, segments=2, lr=0.05, milestones=())
            for m in parent.modalities
        },
        stages={"policy_only": 2, "warm_up": 1, "alternating": 1, "fine_tuning": 1},
    )


RECIPES: dict[str, Callable[[], Config]] = {
    "demo": demo,
    "kinetics_sounds": kinetics_sounds,
    "tiny": tiny,
}
