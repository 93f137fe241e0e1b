"""Every field of a config says below it what it means."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CONFIG = Path(__file__).parents[2] / "platform" / "adamml" / "config"


def is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def fields(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Name of each field of each dataclass, and the docstring below it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef) or not is_dataclass(node):
            continue
        for statement, below in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign):
                text = below.value if isinstance(below, ast.Expr) else None
                is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
                yield (
                    f"{node.name}.{ast.unparse(statement.target)}",
                    text.value if is_text else None,
                )


def undocumented(source: str) -> list[str]:
    return [
        name for name, text in fields(ast.parse(source)) if text is None or not text.endswith(".")
    ]


def test_every_field_has_a_sentence_below_it() -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted(CONFIG.glob("*.py"))]
    assert sum(len(list(fields(ast.parse(source)))) for source in sources) > 90
    assert [name for source in sources for name in undocumented(source)] == []


@pytest.mark.parametrize(
    "body",
    [
        "a: int = 0",
        "a: int = 0\n    b: int = 0\n    'Number of b.'",
        "a: int = 0\n    'no sentence'",
        "a: int = 0\n    def __post_init__(self): ...",
    ],
)
def test_a_field_without_one_is_found(body: str) -> None:
    assert undocumented(f"@dataclass\nclass C:\n    {body}") == ["C.a"]
