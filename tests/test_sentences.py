"""How the code is told: docstrings that stand alone, locals that say what they hold."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("platform", "jobs", "analysis", "benchmarks", "search_spaces")
ELLIPTIC = re.compile(
    r"(Of|Those|That|These|What|Whatever|Whoever|Who|Whom|Whose|Which|Where|When|Why|How|Whether"
    r"|As|The same|It|Its|They|Their|Theirs|Also|And|But|Else|Not|So|To|Only|All of it)\b(?! >>>)"
)
"""Openers of a fragment that cannot be read without the name above it."""
EMPTY_NAMES = {
    *("found", "said", "there", "asked", "own", "known", "shown", "kept", "told", "heard"),
}
"""Locals that say where a value came from and not what it is."""
PERSONS = re.compile(r"\b(who|whoever|whom|nobody|somebody|anybody)\b", re.IGNORECASE)
"""Words for people, in prose about trials, processes and files."""


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring, of those under fields and constants too."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                yield statement.lineno, statement.value.value


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def comments(path: Path) -> Iterator[tuple[int, str]]:
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}


def place(path: Path, line: int, text: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {text}"


def test_every_docstring_can_be_read_without_the_name_above_it(
    trees: dict[Path, ast.Module],
) -> None:
    elliptic = [
        place(path, line, text.strip().partition("\n")[0])
        for path, tree in trees.items()
        for line, text in docstrings(tree)
        if ELLIPTIC.match(text.strip())
    ]
    assert elliptic == []


def test_locals_say_what_they_hold(trees: dict[Path, ast.Module]) -> None:
    empty = [
        place(path, line, name)
        for path, tree in trees.items()
        for line, name in bound_names(tree)
        if name in EMPTY_NAMES
    ]
    assert empty == []


def test_trials_processes_and_files_are_no_persons(trees: dict[Path, ast.Module]) -> None:
    persons = [
        place(path, line, match[0])
        for path, tree in trees.items()
        for line, text in (*docstrings(tree), *comments(path))
        if (match := PERSONS.search(text))
    ]
    assert persons == []
