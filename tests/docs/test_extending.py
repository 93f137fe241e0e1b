"""The examples of docs/extending.md do what the page says."""

import importlib
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from adamml.recipes import tiny
from fabricated_study import write_study

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL)
"""(file, code) of every example that names the file it belongs to."""


def namespace(file: str) -> dict[str, Any]:
    """Names of a module, its tables copied; for a module that is not there, a name alone."""
    name = file.removeprefix("platform/").removesuffix(".py").replace("/", ".")
    if not (ROOT / file).exists():
        return {"__name__": name}
    copies = vars(importlib.import_module(name))
    return {k: dict(v) if k.isupper() and isinstance(v, dict) else v for k, v in copies.items()}


@pytest.fixture(scope="module")
def examples() -> Iterator[dict[str, Any]]:
    """All names that the examples define or change, by name."""
    names: dict[str, Any] = {}
    for file, code in EXAMPLES:
        space = namespace(file)
        before = {
            k: len(v) if k.isupper() and hasattr(v, "__len__") else v for k, v in space.items()
        }
        # A dataclass finds the module that it is defined in.
        example = types.ModuleType(f"example_{len(sys.modules)}")
        sys.modules[example.__name__] = example
        space["__name__"] = space["__name__"] if "SPACE" in code else example.__name__
        exec(compile(code, file, "exec"), space)
        changed = {
            k: v
            for k, v in space.items()
            if k not in before or (k.isupper() and hasattr(v, "__len__") and len(v) != before[k])
        }
        for key, value in changed.items():
            both = isinstance(value, dict) and isinstance(names.get(key), dict)
            names[key] = names[key] | value if both else value
    yield names
    for name in [name for name in sys.modules if name.startswith("example_")]:
        del sys.modules[name]


def test_every_example_names_a_place_in_the_tree() -> None:
    assert len(EXAMPLES) > 10
    for file, _ in EXAMPLES:
        assert (ROOT / file).parent.is_dir(), file


def test_every_file_that_the_page_names_exists() -> None:
    for name in re.findall(r"`([\w/]+\.py)`", PAGE):
        places = [ROOT / name, ROOT / "platform/adamml" / name]
        assert any(p.exists() for p in places) or list((ROOT / "tests").rglob(name)), name


def test_the_models_run(examples: dict[str, Any]) -> None:
    from adamml.config import BackboneConfig

    backbone = examples["BACKBONES"]["resnet14"](BackboneConfig(), 3)
    assert backbone(torch.zeros(2, 2, 3, 32, 32)).shape == (2, backbone.features)
    policy = examples["POLICIES"]["every_second"](tiny())
    clips = {m: torch.zeros(1, 3, 2, 3, 8, 8) for m in ("rgb", "audio")}
    decisions = policy(policy.view(clips), temperature=None)
    assert decisions[0].tolist() == [[1, 1], [0, 0], [1, 1]]
    fusion = examples["FUSIONS"]["selected_mean"](tiny(), 4, 8)
    logits, used = torch.ones(1, 2, 2, 4), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert fusion(logits, used)[0, :, 0].tolist() == [1, 0]
    assert examples["entropy"](torch.zeros(2, 4), 0.5) == pytest.approx(0.5 * 1.3863, abs=1e-4)


def test_the_search_has_them(examples: dict[str, Any]) -> None:
    import numpy as np
    import optuna

    order = examples["by_rank_sum"](np.array([[0.5, 3.0], [0.9, 1.0], [0.4, 4.0]]), (0.1, 5.0))
    assert order == [1, 0, 2]
    assert examples["SCHEDULERS"]["rank_asha"].stops_early
    sampler = examples["SAMPLERS"]["tpe_univariate"](0)
    trial = optuna.create_study(sampler=sampler).ask()
    examples["SPACE"].suggest(trial, ("rgb", "audio"))
    assert set(trial.distributions) == {"loss.gamma"}
    assert examples["SPACE"].name == "search_spaces.gamma"
    assert examples["OBJECTIVES"]["gflops_p95"].text(0.25) == "0.25 GFLOPs"


def test_configs_methods_and_options_are_complete(examples: dict[str, Any]) -> None:
    from adamml.config import override

    assert examples["ucf101"]().data.num_classes == 101
    for name in ("selected_mean", "half_temperature"):
        assert override(tiny(), examples["METHODS"][name].overrides)
    assert examples["LimitedOptions"]().max_failures is None


def test_the_figure_draws_and_the_format_reads(examples: dict[str, Any], tmp_path: Path) -> None:
    from adamml.preparing.formats.annotations import Annotations

    from analysis.runs import from_study_dir

    study = from_study_dir(write_study(tmp_path / "studies" / "ks"))
    assert examples["FIGURES"][-1].draw(study).data
    for name, text in (("train.txt", "a.mp4\tcat\nb.mp4\tdog\n"), ("val.txt", "c.mp4\tcat\n")):
        (tmp_path / name).write_text(text)
    table: Annotations = examples["TABBED"].read([tmp_path / "train.txt", tmp_path / "val.txt"])
    assert table.classes == ("cat", "dog")
    assert list(table.table["split"]) == ["train", "train", "evaluation"]
