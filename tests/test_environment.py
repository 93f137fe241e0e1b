"""The three descriptions of what to install say the same."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()


def locked() -> dict[str, str]:
    """Each package of the lock and what stands behind its name, up to the next package."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    return {re.split(r"[=\[ ]", block, maxsplit=1)[0]: block for block in blocks}


def test_conda_users_get_what_pyproject_asks_for() -> None:
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert wanted[-1] == {"pip": PYPROJECT["project"]["dependencies"]}
    assert wanted[0] == "python" + PYPROJECT["project"]["requires-python"]


def test_the_python_version_is_bounded_on_both_sides() -> None:
    assert re.fullmatch(r">=3\.\d+,<3\.\d+", PYPROJECT["project"]["requires-python"])


def test_every_dependency_is_pinned_to_a_version_it_allows() -> None:
    pins = locked()
    wanted = PYPROJECT["project"]["dependencies"] + PYPROJECT["dependency-groups"]["dev"]
    for requirement in map(Requirement, wanted):
        pin = re.match(r"\S+?==(\S+)", pins[canonicalize_name(requirement.name)])
        assert pin, requirement
        assert requirement.specifier.contains(pin[1], prereleases=True), (requirement, pin[1])


def test_every_package_of_the_lock_has_an_exact_version_and_hashes() -> None:
    for name, block in locked().items():
        assert re.match(r"[\w.\-\[\],]+==\S+", block), name
        assert "--hash=sha256:" in block, name


def test_the_lock_names_no_place_to_download_from() -> None:
    assert "://" not in LOCK
    options = re.findall(r"^\s*(--\S+)", LOCK, flags=re.MULTILINE)
    assert all(option.startswith("--hash=sha256:") for option in options)
