"""The `>>>` examples of docstrings: each one runs and is true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHONPATH = {"platform/adamml": ROOT / "platform", "analysis": ROOT}
"""Folder of the repository -> folder that its modules are named from."""


def modules() -> list[str]:
    return [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for folder, root in PYTHONPATH.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", modules())
def test_examples_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert result.attempted > 0
    assert result.failed == 0
