"""Documents that are true: links lead somewhere, citations too, and generated pages are fresh."""

import ast
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted(DOCS.rglob("*.md"))
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
CODE = ("platform", "jobs", "analysis", "benchmarks", "search_spaces", "tests")
README_LINES = 130
GITHUB = re.compile(r"https?://|mailto:")


def without_code(text: str) -> str:
    """Text without fenced and indented code, line numbers kept."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            line = ""
        lines.append("" if fenced or line.startswith("    ") else line)
    return "\n".join(lines)


def headings(page: Path) -> list[str]:
    text = without_code(page.read_text(encoding="utf-8"))
    return [m[1].strip() for m in re.finditer(r"^#{1,6} (.+)$", text, flags=re.MULTILINE)]


def anchors(page: Path) -> set[str]:
    """Names that GitHub gives to the headings of a page."""
    counts: Counter[str] = Counter()
    names = set()
    for heading in headings(page):
        plain = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{name}-{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return names


def links(page: Path) -> Iterator[str]:
    # A link's text may be broken over two lines, its target is not.
    text = re.sub(r"`[^`\n]*`", "", without_code(page.read_text(encoding="utf-8")))
    for match in re.finditer(r"\]\(([^)\s]+)\)", text):
        if not GITHUB.match(match[1]):
            yield match[1]


def problem(page: Path, link: str) -> str | None:
    """Why a link leads nowhere; None for one that leads somewhere."""
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return f"{page.relative_to(ROOT)}: no file {link}"
    if anchor and anchor not in anchors(target):
        return f"{page.relative_to(ROOT)}: no heading {link}"
    return None


@every_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert [p for link in links(page) if (p := problem(page, link))] == []


def test_a_wrong_link_is_found(tmp_path: Path) -> None:
    assert problem(DOCS / "method.md", "papers.md")
    assert problem(DOCS / "method.md", "paper.md#12-nothing")
    assert problem(DOCS / "method.md", "paper.md#12-costs-the-official-formula-audited") is None


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string and block of comments of a Python file, or notebook cell."""
    if path.suffix == ".ipynb":
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            yield 0, "".join(cell["source"])
        return
    block: list[str] = []
    begin = last = 0
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                if block and token.start[0] != last + 1:
                    yield begin, " ".join(block)
                    block = []
                begin = begin if block else token.start[0]
                last = token.start[0]
                block.append(token.string.lstrip("# "))
    if block:
        yield begin, " ".join(block)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = (ROOT / name for name in listed.stdout.splitlines())
    here = ROOT / "tests" / "docs"
    return [p for p in paths if p.suffix in (".py", ".ipynb") and p.exists() and here != p.parent]


PAGE = re.compile(r"(?<![\w./-])([\w./-]*\w\.md)\b")
NAMED = re.compile(r"(?:,\s+|\s+and\s+)(?:\"([^\"]+)\"|(quirk \d+))")
KNOWN = {page.name for page in PAGES if page.name != "README.md"} | {"EXPERIMENTS.md"}
"""Names of pages, in whatever folder a citation says that they are."""


def citations(text: str) -> Iterator[tuple[str, list[str]]]:
    """(page, beginnings of headings that the text says it has) of each citation in a text."""
    flat = " ".join(text.split())
    for match in PAGE.finditer(flat):
        if not match[1].startswith("docs/") and match[1].rpartition("/")[2] not in KNOWN:
            continue
        wanted, place = [], match.end()
        if number := re.match(r" (\d+(?:\.\d+)?)(?![\w.-]*\w*/)", flat[place:]):
            wanted.append(number[1])
            place += number.end()
            while further := re.match(r" and (\d\.\d+)", flat[place:]):
                wanted.append(further[1])
                place += further.end()
        while named := NAMED.match(flat, place):
            wanted.append(named[1] or named[2].capitalize())
            place = named.end()
        yield match[1], wanted


def wrong_citations(path: Path) -> list[str]:
    wrong = []
    for line, text in prose(path):
        for page, wanted in citations(text):
            where = f"{path.relative_to(ROOT)}:{line}: {page}"
            if not page.startswith("docs/") or not (ROOT / page).is_file():
                wrong.append(where)
                continue
            have = headings(ROOT / page)
            for name in wanted:
                begins = rf"{re.escape(name)}(?!\w|\.\d)"
                if not any(re.match(begins, heading) for heading in have):
                    wrong.append(f"{where} has no heading {name}")
    return wrong


def test_every_citation_in_code_points_at_a_page_and_a_heading() -> None:
    assert [wrong for path in sources() for wrong in wrong_citations(path)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(docs/paper.md 1.3; more)", [("docs/paper.md", ["1.3"])]),
        (
            'docs/paper.md 1.3, "Policy" and\n"Loss")',
            [("docs/paper.md", ["1.3", "Policy", "Loss"])],
        ),
        ("(docs/paper.md 1.3, quirk 7).", [("docs/paper.md", ["1.3", "Quirk 7"])]),
        ("docs/paper.md 1.1 and 1.2", [("docs/paper.md", ["1.1", "1.2"])]),
        ('docs/design.md, "gamma"', [("docs/design.md", ["gamma"])]),
        ("EXPERIMENTS.md", [("EXPERIMENTS.md", [])]),
    ],
)
def test_citations_are_found(text: str, expected: list[tuple[str, list[str]]]) -> None:
    assert list(citations(text)) == expected


def test_the_generated_pages_are_fresh() -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_readme_is_short_and_narrow() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= README_LINES
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []


@every_page
def test_lines_of_prose_are_narrow(page: Path) -> None:
    """Tables and code may be wide, and what is generated."""
    if page.name in ("options.md", "words.md"):
        return
    lines = without_code(page.read_text(encoding="utf-8")).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []


@every_page
def test_diagrams_have_quoted_labels(page: Path) -> None:
    """GitHub draws nothing where a label holds a character that mermaid reads as syntax."""
    for diagram in re.findall(r"```mermaid\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        assert diagram.startswith("flowchart "), page
        for line in diagram.splitlines()[1:]:
            bare = re.sub(r'\["[^"]*"\]|\|"[^"]*"\|', "", line)
            assert not re.search(r"[\[\]|(){}]", bare), line


def drawn_modules() -> set[str]:
    """Paths of the modules in the tree of docs/architecture.md."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    modules: set[str] = set()
    folders: list[tuple[int, str]] = []
    for line in re.findall(r"^    ( *\S.*)$", text.partition("## The tree")[2], re.MULTILINE):
        indent, words = len(line) - len(line.lstrip()), line.split()
        folders = [(depth, name) for depth, name in folders if depth < indent]
        if words[0].endswith("/"):
            folders.append((indent, words[0]))
            continue
        for word in words:
            if not word.endswith(".py"):
                break
            modules.add("".join(name for _, name in folders) + word)
    return modules


OPEN_FOLDERS = ("platform/adamml/methods/", "platform/adamml/preparing/formats/")
"""Folders in which a new module is an entry of a table: it needs no line in the tree."""


def test_the_tree_is_that_of_the_package() -> None:
    package = ROOT / "platform" / "adamml"
    modules = {p.relative_to(ROOT).as_posix() for p in package.rglob("*.py")}
    empty = {name for name in modules if name.endswith("/__init__.py")}
    empty.discard("platform/adamml/__init__.py")
    drawn = drawn_modules()
    assert drawn <= modules - empty
    missing = {m for m in modules - empty - drawn if not m.startswith(OPEN_FOLDERS)}
    assert missing == set()


COMMAND = re.compile(r"(?:\.venv/bin/)?python (jobs/\w{2,}\.py|-m adamml[\w.]*)([^#`|\n]*)")


def commands(page: Path) -> Iterator[tuple[str, str]]:
    """(program, what follows it) of every command on a page."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for match in COMMAND.finditer(text):
        yield match[1], match[2]


def test_documented_commands_have_options_that_exist() -> None:
    options_of = {
        section.partition("\n")[0]: set(re.findall(r"--[\w-]+", section))
        for section in (DOCS / "options.md").read_text(encoding="utf-8").split("\n## python ")[1:]
    }
    counted, wrong = 0, list[str]()
    for page in PAGES:
        if page.parent.name == "notebook" or page.name in ("CHANGELOG.md", "options.md"):
            continue  # what was true then; what is generated
        for program, arguments in commands(page):
            counted += 1
            known = {"--help"}.union(*(o for p, o in options_of.items() if p.startswith(program)))
            used = set(re.findall(r"(?<!\S)--[\w-]+", arguments))
            if program.startswith("jobs") and not (ROOT / program).exists():
                wrong.append(f"{page.name}: no {program}")
            wrong += [f"{page.name}: {program} has no {option}" for option in used - known]
    assert counted > 25
    assert wrong == []


def test_documented_overrides_are_paths_of_a_config() -> None:
    from adamml.config import flatten
    from adamml.recipes import kinetics_sounds

    paths = set(flatten(kinetics_sounds(("rgb", "audio", "flow")))) | {"data.synthetic.seed"}
    for page in PAGES:
        if page.parent.name == "notebook" or page.name in ("CHANGELOG.md", "extending.md"):
            continue
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"--override ((?:[\w.]+=[\w./]+\s*)+)", text):
            for change in match[1].split():
                assert change.partition("=")[0] in paths, f"{page.name}: {change}"


def test_documented_make_targets_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        if page.parent.name != "notebook":
            text = page.read_text(encoding="utf-8")
            used = re.findall(r"(?:^    |`)make ([\w-]+)", text, re.MULTILINE)
            assert set(used) <= targets, page
