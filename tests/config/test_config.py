import dataclasses

import pytest
from adamml.config import Config, GumbelConfig, RgbConfig, fingerprint, flatten, override
from adamml.config.overrides import parse
from adamml.recipes import RECIPES, demo, kinetics_sounds, tiny


def test_override_replaces_leaves_at_every_depth() -> None:
    config = override(
        demo(),
        {"gumbel.temperature": 3, "loss.lambdas.rgb": 0.5, "recognition.rgb.name": "conv3"},
    )
    assert (config.gumbel.temperature, config.loss.lambdas["rgb"]) == (3.0, 0.5)
    assert isinstance(config.gumbel.temperature, float)
    assert config.recognition["rgb"].name == "conv3"
    assert config.recognition["audio"] == demo().recognition["audio"]


def test_unknown_path_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'gumbel.temprature'.*'gumbel.temperature'"):
        override(demo(), {"gumbel.temprature": 3.0})


def test_a_branch_is_no_path() -> None:
    with pytest.raises(ValueError, match="unknown override 'gumbel'"):
        override(demo(), {"gumbel": 3.0})


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("gumbel.decay", 1.5, r"gumbel.decay must be in \(0, 1\], got 1.5"),
        ("gumbel.temperature", "hot", "gumbel.temperature must be float, got 'hot'"),
        ("seed", 1.5, "seed must be int, got 1.5"),
        ("seed", True, "seed must be int, got True"),
        ("loss.correctness", "best", "must be one of 'argmax', 'probability', got 'best'"),
        ("rgb.train_short_side", [50], "must have 2 values"),
        ("rgb.stored_every", 3, "rgb.stored_every must divide rgb.frame_stride, got 3"),
        ("stages.alternating", -1, "stages must have no negative epochs"),
    ],
)
def test_bad_values_are_refused_with_their_rule(path: str, value: object, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        override(demo(), {path: value})


@pytest.mark.parametrize("recipe", RECIPES)
def test_flatten_and_override_are_inverse(recipe: str) -> None:
    config = RECIPES[recipe]()
    assert override(config, flatten(config)) == config
    assert config.recipe == recipe


def test_flat_configs_survive_json() -> None:
    import json

    assert override(demo(), json.loads(json.dumps(flatten(demo())))) == demo()


def test_fingerprints_differ_exactly_where_configs_do() -> None:
    prints = {fingerprint(recipe()) for recipe in RECIPES.values()}
    assert len(prints) == len(RECIPES)
    assert fingerprint(override(demo(), {"seed": 1})) != fingerprint(demo())
    assert fingerprint(override(demo(), {"seed": 0})) == fingerprint(demo())


def test_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint(GumbelConfig()) == "ac1b4c4ed87d8228"


def test_configs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        demo().seed = 3  # type: ignore[misc]


def test_every_modality_needs_its_entries() -> None:
    with pytest.raises(ValueError, match="recognition must cover every modality"):
        dataclasses.replace(demo(), modalities=("rgb", "audio", "flow"))


def test_short_sides_hold_the_crop() -> None:
    with pytest.raises(ValueError, match="short sides must be at least"):
        RgbConfig(crop=300)


def test_command_line_overrides_are_parsed_and_checked() -> None:
    parsed = parse(["loss.gamma=3", "recognition.rgb.name=conv3", "fusion=max"], demo())
    assert parsed == {"loss.gamma": 3, "recognition.rgb.name": "conv3", "fusion": "max"}
    with pytest.raises(ValueError, match="path=value"):
        parse(["loss.gamma"], demo())
    with pytest.raises(ValueError, match=r"nearest valid path is 'loss\.gamma'"):
        parse(["loss.gama=3"], demo())


def test_kinetics_sounds_has_the_published_settings() -> None:
    flat = flatten(kinetics_sounds())
    published = {
        "data.num_classes": 31,
        "data.train_segments": 5,
        "data.test_segments": 10,
        "data.batch_size": 72,
        "rgb.frames": 8,
        "rgb.frame_stride": 4,
        "rgb.crop": 224,
        "rgb.train_short_side": (256, 320),
        "rgb.test_short_side": 256,
        "audio.sample_rate": 24_000,
        "audio.seconds": 1.28,
        "audio.n_fft": 511,
        "audio.window": 240,
        "audio.hop": 120,
        "audio.steps": 256,
        "audio.floor": 1e-6,
        "recognition.rgb.name": "resnet50",
        "recognition.audio.name": "mobilenet_v2",
        "dropout": 0.5,
        "policy.backbones.rgb.name": "mobilenet_v2",
        "policy.pixels": 160,
        "policy.frame_step": 2,
        "policy.joint_width": 2048,
        "policy.lstm_width": 256,
        "gumbel.temperature": 5.0,
        "gumbel.decay": 0.965,
        "loss.lambdas.rgb": 1.0,
        "loss.lambdas.audio": 0.05,
        "loss.gamma": 10.0,
        "loss.correctness": "argmax",
        "unimodal.rgb.epochs": 60,
        "unimodal.rgb.lr": 0.01,
        "unimodal.rgb.milestones": (20, 40, 50),
        "unimodal.rgb.weight_decay": 1e-4,
        "stages.warm_up": 5,
        "stages.alternating": 20,
        "stages.fine_tuning": 10,
        "recognition_optimizer.lr": 1e-3,
        "policy_optimizer.lr": 1e-2,
        "policy_optimizer.milestones": (10, 15),
    }
    assert {path: flat[path] for path in published} == published


def test_recipes_are_configs() -> None:
    assert all(isinstance(recipe(), Config) for recipe in (demo, kinetics_sounds, tiny))
