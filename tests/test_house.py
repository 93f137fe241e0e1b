"""Rules of the house that neither a linter nor a contract in pyproject.toml can say."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "platform" / "adamml"
MOST_FILES = 15
"""Modules of one folder of the package, its __init__ not counted."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def calls_ray_init(path: Path) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "ray.init"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_the_source_root_is_not_a_package() -> None:
    """It would shadow the standard library's platform module."""
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert modules()


def test_tests_and_jobs_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
    assert not list((ROOT / "jobs").rglob("__init__.py"))


def test_no_folder_holds_more_than_a_newcomer_can_look_over() -> None:
    folders = {path.parent for path in modules()}
    sizes = {str(f.relative_to(ROOT)): len([*f.glob("*.py")]) - 1 for f in folders}
    assert not {name: size for name, size in sizes.items() if size > MOST_FILES}


def test_only_cluster_starts_or_joins_ray() -> None:
    assert {p.name for p in modules() if calls_ray_init(p)} <= {"cluster.py"}


def test_test_files_have_names_of_their_own() -> None:
    """Without packages, two test modules of one name can't be imported together."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_no_file_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tracked = [ROOT / name for name in listed.stdout.splitlines() if name != "requirements.lock"]
    place = re.compile(rb"(?<![\w.$}/-])/(home|root|work|Users)/\w")
    found = {
        str(path.relative_to(ROOT)): match[0].decode(errors="replace")
        for path in tracked
        if path.is_file() and (match := place.search(path.read_bytes()))
    }
    assert found == {}


def test_the_license_is_the_one_that_pyproject_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def loaded(*names: str) -> set[str]:
    """Which modules a fresh process has once it has imported these."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {', '.join(names)}; print(*sys.modules)"],
        env={"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_help_waits_for_no_slow_import() -> None:
    slow = {"torch", "ray", "mlflow", "optuna", "pandas", "numpy"}
    assert not slow & loaded("adamml.study.options.jobs", "adamml.study.running.errors")


def test_processes_for_videos_alone_start_without_what_they_do_not_need() -> None:
    """What they import to unpickle their task: decoding, drawing, preparing."""
    slow = {"torch", "ray", "mlflow"}
    assert not (slow | {"pandas"}) & loaded(
        "adamml.data.cache.shard_making", "adamml.data.synthetic.rendering"
    )
    assert not slow & loaded("adamml.preparing.clips")


def test_what_starts_before_the_workers_of_a_slot_has_no_torch() -> None:
    """Launcher and controller of a slot, its dispatcher, and the relays of its trials."""
    parts = ("pool", "train_run", "slot_down", "dispatcher", "relay", "worker")
    assert "torch" not in loaded(*(f"adamml.slots.{part}" for part in parts))


def test_one_module_makes_all_assignments() -> None:
    """Two of them by hand, and a key no longer names one thing."""
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Assignment", "cls")
        if "Assignment" in path.read_text(encoding="utf-8")
    }
    assert makers - {"trials/assignment.py"} == {"study/specs.py"}
