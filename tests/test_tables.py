"""Names in tables of entries, and the examples of the docstrings."""

import doctest

from adamml import tables
from adamml.preparing.formats import folders


def test_examples_are_true() -> None:
    results = [doctest.testmod(module) for module in (tables, folders)]
    assert [(result.failed, result.attempted > 0) for result in results] == [(0, True)] * 2
