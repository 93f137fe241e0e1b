"""The poster's numbers agree with each other and with the billing, or have a note that says so."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from adamml.config import override
from adamml.cost.flops import Costs, count_costs
from adamml.cost.table import decisions_at_rates
from adamml.recipes import RECIPES, kinetics_sounds, parse_task
from fabricated_study import write_study

from analysis.published import DATASETS, FUSIONS, LISTEN, published
from analysis.published_series import published_beside
from analysis.runs import StudyRuns, from_study_dir
from analysis.validation_front import front_figure

ROWS = published()
ADAMML = ROWS[ROWS["method"].str.startswith("AdaMML") & (ROWS["table"] != LISTEN)]
KEY = ["dataset", "method", "modalities"]


@functools.cache
def costs_of(task: str, kind: str) -> Costs:
    config = override(kinetics_sounds(parse_task(task)), {"policy.kind": kind})
    return count_costs(config, 31)


def billed(row: Any, rates: dict[str, float]) -> float:
    """GFLOPs of the row's networks at these rates, 10 segments; without a policy for a fusion."""
    learned = row["method"].startswith("AdaMML")
    costs = costs_of(row["modalities"], "gumbel" if learned else "always_on")
    return float(
        costs.billed.gflops(decisions_at_rates({m: rates[m] for m in costs.modalities}, 10))
    )


def cell(dataset: str, method: str, modalities: str) -> Any:
    found = ROWS[(ROWS[KEY] == [dataset, method, modalities]).all(axis=1)]
    (row,) = [row for _, row in found.iterrows()]
    return row


def named(row: Any) -> str:
    return f"{row['dataset']} {row['method']} {row['modalities']}"


def test_the_frame_is_tidy() -> None:
    assert not ROWS.duplicated(KEY).any()
    assert ROWS[["value", "gflops"]].notna().all(axis=None)
    assert ROWS["value"].between(0, 100).all()
    assert set(ROWS["dataset"]) <= set(RECIPES)
    assert all(parse_task(task) for task in ROWS["modalities"])
    for _, row in ROWS.iterrows():
        mentioned = {**row["rates"], **row["implied_rates"]}
        assert set(mentioned) <= set(row["modalities"].split("+")), named(row)
        assert not set(row["rates"]) & set(row["implied_rates"]), named(row)


def test_quality_is_top_1_on_kinetics_sounds_and_map_elsewhere() -> None:
    on_ks = ROWS["dataset"] == "kinetics_sounds"
    assert set(ROWS["metric"][on_ks]) == {"top-1"}
    assert set(ROWS["metric"][~on_ks]) == {"mAP"}


def test_every_table_and_fusion_is_there() -> None:
    fusions = ROWS[ROWS["method"].str.endswith(" fusion") & (ROWS["dataset"] == "kinetics_sounds")]
    per_task = fusions.groupby("modalities")["method"].nunique()
    assert per_task.to_dict() == {"rgb+audio": 5, "rgb+flow": 5, "rgb+flow+audio": 5}
    assert ROWS["table"].value_counts().to_dict() == {
        "datasets": 16,
        "fusions": 12,
        "methods": 10,
        "listen to look": 5,
    }


def test_printed_savings_follow_from_the_gflops_column() -> None:
    saved = ROWS[ROWS["saved"].notna()]
    assert len(saved) == 5
    for _, row in saved.iterrows():
        fusion = cell(row["dataset"], "weighted fusion", row["modalities"])
        recomputed = 100 * (1 - row["gflops"] / fusion["gflops"])
        assert recomputed == pytest.approx(row["saved"], abs=0.05), named(row)


def test_what_is_computed_everywhere_is_billed_as_printed() -> None:
    whole = ROWS[ROWS["method"].str.endswith((" alone", " fusion"))]
    assert len(whole) == 21
    for _, row in whole.iterrows():
        total = billed(row, row["rates"])
        gap = total - row["gflops"]
        assert abs(gap) < 0.01, named(row)
        printed_exactly = row["gflops"] == pytest.approx(total, abs=0.005)
        assert printed_exactly or "0.01 less" in row["note"], named(row)


def test_the_printed_rates_are_billed_more_than_the_printed_total_as_noted() -> None:
    row = cell("kinetics_sounds", "AdaMML", "rgb+audio")
    assert billed(row, row["rates"]) == pytest.approx(76.88, abs=0.005)
    assert billed(row, {"rgb": 0.4617, "audio": 0.9415}) == pytest.approx(row["gflops"], abs=0.01)
    assert "76.88" in row["note"]
    assert "46.17%" in row["note"]


def test_implied_rates_are_billed_the_printed_total() -> None:
    """Where two rates are missing, one is lowest with all of the other, and highest with none."""
    implied = ROWS[ROWS["implied_rates"].map(len) > 0]
    assert len(implied) == 5
    for _, row in implied.iterrows():
        ((modality, (low, high)),) = row["implied_rates"].items()
        known = row["rates"]
        unknown = set(row["modalities"].split("+")) - set(known) - {modality}
        assert (low < high) == bool(unknown), named(row)
        # totals are printed to 0.01, implied rates noted to a tenth of a percent
        rounding = 0.005 + 0.0005 * cell("kinetics_sounds", f"{modality} alone", modality)["gflops"]
        for rate, rest in ((low, 1.0), (high, 0.0)):
            rates = {**dict.fromkeys(unknown, rest), **known, modality: rate}
            assert billed(row, rates) == pytest.approx(row["gflops"], abs=rounding), named(row)


def test_a_printed_rate_that_can_not_be_rgbs_has_a_note() -> None:
    row = cell("activitynet", "AdaMML", "rgb+audio")
    assert billed(row, {"rgb": 0.7625, "audio": 0.0}) == pytest.approx(115.4, abs=0.05)
    assert "115.4" in row["note"]
    assert row["rates"] == {}


def test_equal_qualities_of_two_fusions_are_noted_at_both() -> None:
    fusions = ROWS[ROWS["method"].str.endswith(" fusion")]
    repeated = fusions[fusions.duplicated(["dataset", "modalities", "value"], keep=False)]
    assert len(repeated) == 6
    for _, row in repeated.iterrows():
        others = repeated[(repeated["value"] == row["value"]) & (repeated.index != row.name)]
        (other,) = others["method"]
        assert f"exactly {other}'s value" in row["note"], named(row)


def test_only_totals_with_frame_differences_are_noted_as_billed_at_224() -> None:
    flow = ADAMML[ADAMML["modalities"].str.contains("flow")]
    assert flow["note"].str.contains("224 pixels").all()
    assert not ROWS.drop(flow.index)["note"].str.contains("224 pixels").any()
    costs = costs_of("rgb+flow", "gumbel")
    overstated = 10 * (sum(costs.billed.policy.values()) - sum(costs.policy.values())) / 1e9
    assert overstated == pytest.approx(4.45, abs=0.005)


def test_the_same_networks_with_other_numbers_have_a_note() -> None:
    here = cell("activitynet", "AdaMML", "rgb+audio")
    there = cell("activitynet", "AdaMML, ResNet-50 + MobileNetV2", "rgb+audio")
    assert there["value"] - here["value"] > 10
    assert str(here["value"]) in there["note"]
    small = cell("activitynet", "AdaMML, ResNet-18 + ResNet-18, 112 pixels", "rgb+audio")
    assert "49.4" in small["note"]


@pytest.fixture(scope="module")
def demo_study(tmp_path_factory: pytest.TempPathFactory) -> StudyRuns:
    return from_study_dir(write_study(tmp_path_factory.mktemp("studies") / "ks"))


def of(study: StudyRuns, recipe: str, task: str) -> StudyRuns:
    runs = study.runs.copy()
    runs["params.recipe"] = recipe
    runs["params.modalities"] = pd.Series([list(parse_task(task))] * len(runs), dtype=object)
    return replace(study, runs=runs)


def published_traces(study: StudyRuns) -> list[Any]:
    return [t for t in front_figure(study).data if (t.name or "").startswith("published, ")]


def named_so(study: StudyRuns) -> set[str]:
    return {t.name for t in published_traces(study)}


def test_a_study_of_a_published_dataset_and_task_shows_its_points(demo_study: StudyRuns) -> None:
    study = of(demo_study, "kinetics_sounds", "rgb+audio")
    (trace,) = [t for t in published_traces(study) if t.name == "published, on test"]
    drawn = dict(zip(trace.x, trace.y, strict=True))
    assert drawn[76.45] == 88.17
    assert drawn[3.82] == 65.49
    assert not {163.39, 304.75, 308.56} & set(drawn)
    (text,) = [t for t in trace.text if t.startswith("<b>AdaMML</b>")]
    assert "rgb in 46.47% of segments" in text
    assert "76.88" in text
    assert trace.marker.symbol[list(trace.x).index(76.45)] == "triangle-up"


def test_map_is_not_passed_off_as_accuracy(demo_study: StudyRuns) -> None:
    study = of(demo_study, "activitynet", "rgb+audio")
    assert "published, mAP on test" in named_so(study)
    rows = published_beside(study)
    assert set(rows["table"]) == {DATASETS, "methods"}
    assert 84.73 not in set(rows["value"])


@pytest.mark.parametrize(
    ("task", "tables", "most"),
    [("rgb+flow", {DATASETS, FUSIONS, "methods"}, 304.75), ("audio", {DATASETS}, 3.82)],
)
def test_only_the_studys_own_task_and_its_modalities_are_beside_it(
    demo_study: StudyRuns, task: str, tables: set[str], most: float
) -> None:
    rows = published_beside(of(demo_study, "kinetics_sounds", task))
    assert set(rows["table"]) == tables
    assert rows["gflops"].max() == most


def test_the_axis_holds_the_published_points_of_the_task(demo_study: StudyRuns) -> None:
    study = of(demo_study, "mini_sports1m", "rgb+audio")
    (lowest, highest) = front_figure(study).layout.yaxis.range
    assert lowest < 46.08 < highest
    assert front_figure(demo_study).layout.yaxis.range[0] > 46.08


def test_other_studies_show_none(demo_study: StudyRuns, tmp_path: Path) -> None:
    assert published_beside(demo_study).empty
    assert published_beside(of(demo_study, "demo", "rgb+audio")).empty
    assert "published, on test" not in named_so(demo_study)
