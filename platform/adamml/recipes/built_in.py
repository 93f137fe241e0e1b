"""Recipes of the built-in dataset, which is generated: no video has to be brought."""

from dataclasses import replace

from adamml.config import (
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
from adamml.recipes.tasks import RGB_AUDIO, Modalities, lambdas, proxies


def demo(modalities: Modalities = RGB_AUDIO) -> Config:
    """Return the recipe of `make sweep`: the built-in dataset on a laptop.

    Its networks are small and keep the proportions of the paper's costs: rgb costs 28 times what
    audio does and the policy at most 8% of all recognition networks (tests/cost counts both). The
    policy learns in the policy-only stage, whose epochs are cheap, and is then trained jointly.
    """
    conv3 = BackboneConfig(name="conv3", width=16)
    resnet10 = BackboneConfig(name="resnet10")
    # validate_every: evaluations after each epoch took a quarter of the training's time
    # (docs/notebook/2026-11-22-forty-trials.md). Now there is one, after the last.
    visual = UnimodalConfig(epochs=5, segments=2, lr=0.05, milestones=(4,), validate_every=5)
    return Config(
        recipe="demo",
        modalities=modalities,
        data=DataConfig(
            num_classes=8,
            synthetic=SyntheticConfig(),
            train_segments=2,
            test_segments=5,
            batch_size=32,
            policy_only_batch_size=8,
        ),
        rgb=RgbConfig(
            frames=4,
            frame_stride=8,
            # 0.90 of always-on's GFLOPs at 40 pixels
            # (docs/notebook/2026-11-29-demo-in-15-minutes.md).
            crop=36,
            train_short_side=(38, 43),
            test_short_side=40,
            stored_short_side=48,
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
        unimodal={
            m: replace(visual, epochs=6, validate_every=6) if m == "audio" else visual
            for m in modalities
        },
        stages={"policy_only": 4, "warm_up": 0, "alternating": 1, "fine_tuning": 1},
        recognition_optimizer=OptimizerConfig(lr=1e-3),
        policy_optimizer=OptimizerConfig(lr=1e-3),
    )


def tiny(modalities: Modalities = RGB_AUDIO) -> Config:
    """Return a recipe that trains in seconds: demo with fewer videos and smaller networks.

    It is for tests and for trying a command. Its accuracies mean nothing.
    """
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
            policy_only_batch_size=8,
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
