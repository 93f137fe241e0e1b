"""Tables of entries by name, which are the extension points, and how a name is looked up in one."""

from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


def lookup(table: Mapping[str, Entry], name: str, *, what: str) -> Entry:
    """Return table[name].

    >>> lookup({"fifo": 1, "pareto_asha": 2}, "fifo", what="scheduler")
    1
    >>> lookup({"fifo": 1, "pareto_asha": 2}, "asah", what="scheduler")
    Traceback (most recent call last):
    ValueError: unknown scheduler 'asah'; choose from fifo, pareto_asha

    Args:
        table: the entries.
        name: the name of one.
        what: the kind of entry, for the message.

    Raises:
        ValueError: the name is not in the table; the message lists the names that are.
    """
    if name not in table:
        raise ValueError(f"unknown {what} {name!r}; choose from {', '.join(sorted(table))}")
    return table[name]
