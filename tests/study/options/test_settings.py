from pathlib import Path

import pytest
from adamml.config import Config, override
from adamml.cost.flops import count_costs
from adamml.recipes import demo, tiny
from adamml.study.options.settings import Settings, open_study, study_settings


def settings(config: Config) -> Settings:
    recognition = {"rgb": ("resnet10", "conv3"), "audio": ("conv3",)}
    return study_settings(
        config,
        space="search_spaces.demo",
        searched={"loss.gamma": "0 to 3"},
        recognition=recognition,
        data="built-in",
        workers_per_slot=1,
        search={"sampler": "tpe", "scheduler": "fifo"},
    )


def test_the_reference_is_chance_and_the_dearest_configuration() -> None:
    quality, gflops = settings(demo()).reference
    assert quality == 1 / 8
    assert gflops == count_costs(demo(), 8).all_on(demo().data.test_segments)


def test_the_same_settings_open_the_same_study(tmp_path: Path) -> None:
    open_study(tmp_path / "s", settings(demo()))
    before = (tmp_path / "s/study.json").read_text()
    open_study(tmp_path / "s", settings(demo()))
    assert (tmp_path / "s/study.json").read_text() == before


def test_other_settings_are_refused_with_the_difference(tmp_path: Path) -> None:
    open_study(tmp_path / "s", settings(demo()))
    other = override(demo(), {"gumbel.decay": 0.9, "seed": 4})
    with pytest.raises(ValueError, match="other settings") as refused:
        open_study(tmp_path / "s", settings(other))
    message = str(refused.value)
    assert "config.gumbel.decay: in the study 0.965, here 0.9" in message
    assert "config.seed: in the study 0, here 4" in message
    assert "temperature" not in message


def test_default_names_follow_the_settings() -> None:
    names = {settings(c).default_name for c in (demo(), override(demo(), {"seed": 1}), tiny())}
    assert len(names) == 3
    assert all(name.startswith(("demo-", "tiny-")) for name in names)
