"""Recipes of the paper's four datasets, with the settings of the released code (IBM/AdaMML).

They differ in their number of classes only: nothing else was published per dataset. Settings
(docs/paper.md 1.3):

networks    ResNet-50 on 8 frames of 224 pixels; MobileNetV2 on spectrograms of 256 x 256
policy      a MobileNetV2 per modality, on 4 frames of 160 pixels and on the whole spectrogram
segments    5 in training, 10 in tests
epochs      60 for each network alone; then 5 warm-up, 20 alternating, 10 fine-tuning
loss        gamma 10; Gumbel temperature 5, times 0.965 after each alternating epoch

Results in the docstrings are the poster's (docs/paper.md 1.1): percent at GFLOPs per video, as the
released code bills them (cost/published). analysis/published.py has all of them.
"""

from dataclasses import replace

from adamml.config import (
    BackboneConfig,
    Config,
    DataConfig,
    LossConfig,
    PolicyConfig,
    UnimodalConfig,
)
from adamml.recipes.tasks import RGB_AUDIO, Modalities, lambdas, proxies


def kinetics_sounds(modalities: Modalities = RGB_AUDIO) -> Config:
    """Return the recipe for Kinetics-Sounds: 31 classes, top-1.

    Published results:

    rgb + audio         AdaMML 88.17 at 76.45 (rgb in 46.47% of segments, audio in 94.15%);
                        weighted fusion 87.86 at 145.17
    rgb + flow          AdaMML 84.36 at 137.03; weighted fusion 83.47 at 304.75
    rgb + audio + flow  AdaMML 89.06 at 141.97 (rgb 55.06%, flow 26.82%); weighted fusion 88.25 at
                        308.56
    one modality        rgb 82.85 at 141.36; audio 65.49 at 3.82; flow 75.73 at 163.39
    """
    recognition = {m: BackboneConfig() for m in modalities}
    if "audio" in modalities:
        recognition["audio"] = BackboneConfig(name="mobilenet_v2")
    return Config(
        recipe="kinetics_sounds",
        modalities=modalities,
        data=DataConfig(num_classes=31, decoder_threads=8),
        recognition=recognition,
        policy=PolicyConfig(
            backbones={m: BackboneConfig(name="mobilenet_v2") for m in modalities},
            proxies=proxies(modalities),
            rates=dict.fromkeys(modalities, 0.5),
        ),
        loss=LossConfig(lambdas=lambdas(modalities)),
        unimodal={m: UnimodalConfig() for m in modalities},
    )


def activitynet(modalities: Modalities = RGB_AUDIO) -> Config:
    """Return the recipe for ActivityNet v1.3: 200 classes, its validation split as test split.

    Published results, in mAP and not top-1, for rgb + audio: AdaMML 73.91 at 94.01; weighted fusion
    72.88 at 145.17; rgb alone 73.24 at 141.36; audio alone 13.88 at 3.82. The lambdas are those of
    Kinetics-Sounds, as none were found for this dataset.
    """
    return _with_classes("activitynet", modalities, num_classes=200)


def fcvid(modalities: Modalities = RGB_AUDIO) -> Config:
    """Return the recipe for FCVID: 239 classes.

    Published result, in mAP and not top-1, for rgb + audio: AdaMML 85.82 at 93.86. The lambdas are
    those of Kinetics-Sounds, as none were found for this dataset.
    """
    return _with_classes("fcvid", modalities, num_classes=239)


def mini_sports1m(modalities: Modalities = RGB_AUDIO) -> Config:
    """Return the recipe for Mini-Sports1M: 487 classes, each with 30 + 10 videos.

    Published result, in mAP and not top-1, for rgb + audio: AdaMML 46.08 at 138.32. The lambdas are
    those of Kinetics-Sounds, as none were found for this dataset.
    """
    return _with_classes("mini_sports1m", modalities, num_classes=487)


def _with_classes(recipe: str, modalities: Modalities, num_classes: int) -> Config:
    """Return kinetics_sounds with another name and number of classes."""
    parent = kinetics_sounds(modalities)
    return replace(parent, recipe=recipe, data=replace(parent.data, num_classes=num_classes))
