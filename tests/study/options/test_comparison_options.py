import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from adamml.data.manifest import Manifest, write_manifest
from adamml.study.compare import dry_run_comparison
from adamml.study.options.comparison import resolve_comparison
from adamml.study.options.jobs import CompareOptions


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A data folder whose manifest does not know where the evidence is."""
    root = tmp_path / "videos"
    root.mkdir()
    rows = [
        {"id": f"v{n}", "path": f"{n}.mp4", "split": split, "label": n % 2}
        | {"duration_s": 4.0, "fps": 25.0}
        for n, split in enumerate(["train", "train", "validation", "test"])
    ]
    for row in rows:
        (root / str(row["path"])).touch()
    write_manifest(Manifest(root, pd.DataFrame(rows), ("a", "b")))
    return root


def test_all_methods_at_three_seeds_are_compared_by_default() -> None:
    comparison = resolve_comparison(CompareOptions(recipe="tiny"))
    assert comparison.seeds == (0, 1, 2)
    assert comparison.methods == tuple(comparison.settings.methods)
    assert {"rgb", "audio", "fc2", "matched_random", "adamml", "relevance"} <= set(
        comparison.methods
    )


def test_methods_come_in_the_order_of_the_table() -> None:
    options = CompareOptions(recipe="tiny", methods=("adamml", "weighted", "rgb"))
    assert resolve_comparison(options).methods == ("rgb", "weighted", "adamml")


def test_seeds_and_methods_can_be_added_to_a_comparison() -> None:
    small = resolve_comparison(CompareOptions(recipe="tiny", methods=("rgb",), seeds=(0,)))
    large = resolve_comparison(CompareOptions(recipe="tiny", seeds=(0, 1, 2, 3)))
    other = resolve_comparison(CompareOptions(recipe="tiny", override=("loss.gamma=3",)))
    assert small.folder == large.folder != other.folder


def test_relevance_is_left_out_where_nobody_knows_it(videos: Path) -> None:
    comparison = resolve_comparison(CompareOptions(recipe="tiny", data=videos))
    assert "relevance" not in comparison.methods
    assert comparison.config.data.num_classes == 2
    with pytest.raises(ValueError, match="must have a manifest that says where the evidence is"):
        resolve_comparison(CompareOptions(recipe="tiny", data=videos, methods=("relevance",)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": ("adaml",)}, "unknown method 'adaml'; choose from adamml"),
        ({"methods": ("flow",)}, "unknown method 'flow'"),
        ({"methods": ("matched_random",)}, "matched_random must be compared with adamml"),
        ({"seeds": (1, 1)}, r"seeds must be distinct, got \(1, 1\)"),
        ({"seeds": ()}, "the number of seeds must be at least 1"),
        ({"seeds": (-1, 0)}, "seeds must be at least 0, got -1"),
        ({"override": ("seed=4",)}, "seed must be given as --seeds"),
        ({"override": ("loss.gama=4",)}, "nearest valid path is 'loss.gamma'"),
        ({"slots": 0}, "slots must be at least 1"),
        ({"recipe": "dmeo"}, "unknown recipe 'dmeo'"),
        ({"recipe": "kinetics_sounds"}, "needs --data"),
        ({"name": "../x"}, "name must be one a folder can have"),
        ({"tracking_uri": "./mlruns"}, "tracking URI must be a server"),
        ({"task": "rgb+smell"}, "task must be modalities of"),
    ],
)
def test_mistakes_are_refused(options: Mapping[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_comparison(CompareOptions(**({"recipe": "tiny"} | options)))


def test_a_dry_run_shows_what_would_be_compared() -> None:
    options = CompareOptions(recipe="tiny", task="rgb+flow+audio", methods=("flow", "max"))
    shown = json.loads(dry_run_comparison(resolve_comparison(options)))
    assert shown["methods"]["flow"]["modalities"] == ["flow"]
    assert shown["methods"]["max"]["fusion"] == "max"
    assert shown["recognition_epochs"] == 3
    assert shown["seeds"] == [0, 1, 2]
