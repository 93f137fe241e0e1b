from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from adamml.journal import Journal
from adamml.study.specs import method_id
from adamml.trials.test_results import save_results

from analysis.comparison import Results, results
from analysis.comparison_report import cells, markdown, metrics, sentence

VIDEOS, CLASSES = 300, 4
SEEDS = (0, 1, 2)
ACCURACY = {"rgb": 0.70, "audio": 0.80, "weighted": 0.9, "matched_random": 0.75, "adamml": 0.92}
GFLOPS = {"rgb": 0.5, "audio": 0.1, "weighted": 0.6, "matched_random": 0.3, "adamml": 0.33}
VALIDATION = {"rgb": 0.95, "audio": 0.60}
"""The better one on test is the worse one on validation."""


def settings(folder: Path) -> None:
    (folder / "study.json").write_text('{"config": {"data.quality": "accuracy"}}')


def write(folder: Path, method: str, seed: int, ids: list[str]) -> None:
    own = folder / "trials" / method_id(method, seed)
    journal = Journal(own / "journal.jsonl")
    journal.append("start", id=own.name, kind="trial", method=method, name=method)
    final = {"quality": VALIDATION.get(method, 0.9), "gflops": GFLOPS[method]}
    journal.append("final", fidelity="joint", metrics=final)
    journal.append("end", status="completed", error=None)
    settings(folder)
    dice = np.random.default_rng((seed, len(method)))
    labels = np.arange(len(ids)) % CLASSES
    right = dice.random(len(ids)) < ACCURACY[method]
    said = np.where(right, labels, (labels + 1) % CLASSES)
    modalities = [method] if method in ("rgb", "audio") else ["rgb", "audio"]
    columns = {"id": ids, "label": labels, "gflops": GFLOPS[method]}
    columns |= {f"rate.{m}": 0.5 if method == "adamml" else 1.0 for m in modalities}
    columns |= {f"logit.{k}": 3.0 * (said == k) for k in range(CLASSES)}
    save_results(pd.DataFrame(columns), own)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for method in ACCURACY:
        for seed in SEEDS:
            write(tmp_path / "c", method, seed, [f"v{n}" for n in range(VIDEOS)])
    return tmp_path / "c"


@pytest.fixture
def found(study: Path) -> Results:
    return results(study, list(ACCURACY), SEEDS)


def test_the_table_has_a_row_per_method_with_its_interval(found: Results) -> None:
    table = found.table.set_index("method")
    assert list(table.index) == list(ACCURACY)
    for method, accuracy in ACCURACY.items():
        row = table.loc[method]
        assert row["quality"] == pytest.approx(100 * accuracy, abs=6)
        assert row["low"] < row["quality"] < row["high"]
        assert row["seeds"] == len(SEEDS)
        assert row["gflops"] == pytest.approx(GFLOPS[method])
    assert table.loc["adamml", "savings"] == pytest.approx(45.0)
    assert table.loc["weighted", "savings"] == 0
    assert table.loc["adamml", "selection_rate.rgb"] == 50
    assert table.loc["rgb", "selection_rate.audio"] == 0


def test_claims_are_paired_and_say_what_holds(found: Results) -> None:
    claims = {claim.other: claim for claim in found.claims}
    assert set(claims) == {"matched_random", "weighted", "rgb"}, "random was not compared"
    assert claims["matched_random"].verdict == "beats"
    assert claims["weighted"].verdict == "cannot be told from"
    table = found.table.set_index("method")["quality"]
    gain = table["adamml"] - table["matched_random"]
    claim = claims["matched_random"]
    assert claim.difference.mean == pytest.approx(gain)
    assert np.mean(list(claim.by_seed.values())) == pytest.approx(gain)
    assert "adamml beats matched_random: +" in sentence(claim)


def test_the_best_modality_is_the_best_on_validation(found: Results) -> None:
    assert found.claims[-1].other == "rgb"


def test_a_method_without_all_seeds_is_compared_at_those_it_has(study: Path) -> None:
    (study / "trials" / method_id("matched_random", 1) / "test_videos.parquet").unlink()
    found = results(study, list(ACCURACY), SEEDS)
    assert found.table.set_index("method").loc["matched_random", "seeds"] == 2
    claim = next(c for c in found.claims if c.other == "matched_random")
    assert list(claim.by_seed) == [0, 2]


def test_methods_are_compared_on_the_videos_that_all_of_them_have(study: Path) -> None:
    write(study, "audio", 1, [f"v{n}" for n in reversed(range(VIDEOS - 10))])
    assert results(study, list(ACCURACY), SEEDS).videos == VIDEOS - 10


def test_nothing_tested_is_an_empty_table(tmp_path: Path) -> None:
    settings(tmp_path)
    found = results(tmp_path, list(ACCURACY), SEEDS)
    assert found.table.empty
    assert found.claims == []


def test_markdown_and_metrics_repeat_the_table(found: Results) -> None:
    columns, rows = cells(found)
    text = markdown(found)
    assert f"| {' | '.join(columns)} |" in text
    assert all(f"| {' | '.join(row)} |" in text for row in rows)
    assert all(f"- {sentence(claim)}" in text for claim in found.claims)
    values = metrics(found)
    assert values["adamml.accuracy"] == found.table.set_index("method").loc["adamml", "quality"]
    assert values["claim.adamml_over_matched_random.low"] > 0
