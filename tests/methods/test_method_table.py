from dataclasses import replace

import pytest
from adamml.config import Config, override
from adamml.methods import (
    METHODS,
    method_names,
    method_overrides,
    rates,
    recognition_epochs,
)
from adamml.models.fusion import FUSIONS
from adamml.recipes import demo, kinetics_sounds, tiny
from adamml.study.specs import method_trial, unimodals_at
from adamml.trials.pretrained import unimodal_key

ALL = method_names(tiny())


def configured(name: str, config: Config | None = None) -> Config:
    config = config or tiny()
    return override(config, method_trial(name, 3, config, {}, {}).overrides)


def test_every_modality_and_every_fusion_is_a_method() -> None:
    assert {"rgb", "audio", *FUSIONS} <= set(ALL)
    assert method_names(tiny(("rgb", "flow")))[:2] == ["rgb", "flow"]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("recipe", [tiny, demo, kinetics_sounds])
def test_all_methods_train_recognition_equally_long(name: str, recipe: object) -> None:
    config = recipe()
    assert recognition_epochs(configured(name, config)) == recognition_epochs(config) > 0


@pytest.mark.parametrize("name", ALL)
def test_all_methods_begin_with_the_same_unimodal_networks(name: str) -> None:
    config, plain = configured(name), override(tiny(), {"seed": 3})
    for modality in config.modalities:
        assert unimodal_key(config, modality, "data") == unimodal_key(plain, modality, "data")


def test_a_modality_alone_reads_nothing_else() -> None:
    assert configured("audio").inputs == ("audio",)


def test_random_draws_every_second_segment_and_matched_random_as_often_as_its_model() -> None:
    assert configured("random").policy.rates == {"rgb": 0.5, "audio": 0.5}
    final = {"quality": 0.9, "selection_rate.rgb": 0.25, "selection_rate.audio": 0.75}
    follows = rates(final, ("rgb", "audio"))
    trial = method_trial("matched_random", 0, tiny(), {}, follows)
    assert override(tiny(), trial.overrides).policy.rates == {"rgb": 0.25, "audio": 0.75}
    assert {m.needs for m in METHODS.values() if m.needs} <= set(METHODS)


def test_seeds_have_networks_of_their_own() -> None:
    ids = {network.id for seed in (0, 1, 2) for network in unimodals_at(seed, tiny(), {}, "data")}
    assert len(ids) == 3 * 2


def test_a_recipe_without_a_policy_stage_needs_no_change_of_it() -> None:
    config = replace(tiny(), stages={"warm_up": 1, "alternating": 1})
    assert "stages.policy_only" not in method_overrides("fc2", config)
    assert configured("fc2", config).fusion == "fc2"


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown method 'adaml'; choose from adamml, audio"):
        method_overrides("adaml", tiny())
