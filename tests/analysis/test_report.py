import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fabricated_study import HOSTILE, write_study

from analysis.report import claim, failures, fidelity_counts, front_table, write_report
from analysis.runs import from_study_dir


class Page(HTMLParser):
    """Text outside scripts, and what would be fetched from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.fetched, self.scripts, self._inside = "", [], 0, ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.scripts += tag == "script"
        self.fetched += [v for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("studies") / "ks")


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    uri = "sqlite:////somewhere/mlflow.db"
    return Page(write_report(folder, tracking_uri=uri).read_text(encoding="utf-8"))


def test_the_page_needs_no_network(page: Page) -> None:
    assert page.fetched == []


def test_the_page_says_what_the_study_found(page: Page) -> None:
    text = re.sub(r"\s+", " ", page.text)
    assert "On the test split, 90.90% at 0.301 GFLOPs per video: +0.70 points at 55%" in text
    moved = "chosen on validation, with the decision bias rgb +0.25, audio +0.25,"
    assert f"adamml 16, {moved} is compared with weighted fusion (90.20% at 0.55" in text
    assert "under a bias on their policy's decisions" in text
    assert "2560 videos; 3 without sound, for which silence was used; 1 could not be read" in text
    assert "mlflow ui --backend-store-uri sqlite:////somewhere/mlflow.db" in text


def test_names_and_paths_from_a_study_are_text_not_markup(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{HOSTILE} (adamml-07): ValueError: loss is NaN {HOSTILE}" in page.text
    assert f"test/{HOSTILE}.mp4: no frames" in page.text
    monkeypatch.setattr("fabricated_study.HOSTILE", "plain")
    harmless = write_report(write_study(tmp_path / "ks"))
    assert page.scripts == Page(harmless.read_text(encoding="utf-8")).scripts


def test_the_front_is_a_table_with_the_chosen_one_marked(folder: Path) -> None:
    table = front_table(from_study_dir(folder))
    assert table["columns"][:5] == [
        "trial",
        "accuracy (%)",
        "GFLOPs per video",
        "audio (%)",
        "rgb (%)",
    ]
    assert all(len(row["cells"]) == len(table["columns"]) for row in table["rows"])
    (chosen,) = [row["cells"][:3] for row in table["rows"] if row["chosen"]]
    assert chosen == ["adamml 16", "91.48", "0.3229"]


def test_counts_and_failures_cover_every_trial(folder: Path) -> None:
    study = from_study_dir(folder)
    assert fidelity_counts(study) == {"policy only": 10, "jointly trained": 7, "failed": 1}
    (failed,) = failures(study)
    assert failed["id"] == "adamml-07"
    assert failed["cause"].startswith("ValueError: loss is NaN")


def test_there_is_no_claim_before_the_test(tmp_path: Path) -> None:
    study = from_study_dir(write_study(tmp_path / "ks", ended=False))
    assert claim(study) is None
    text = Page(write_report(tmp_path / "ks").read_text(encoding="utf-8")).text
    assert "On the test split" not in text
    assert "The operating point chosen" not in text
    assert "The study is running" in text


def test_the_report_goes_where_it_is_asked_to(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "ks", trials=3)
    assert write_report(folder) == folder / "report.html"
    assert write_report(folder, tmp_path / "other.html") == tmp_path / "other.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ks", "other.html"]
