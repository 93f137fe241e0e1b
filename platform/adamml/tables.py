"""Extension points are plain dicts; this is how a name is looked up in one."""

from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


def lookup(table: Mapping[str, Entry], name: str, *, what: str) -> Entry:
    """Return table[name].

    Raises:
        ValueError: the name is not in the table; the message lists the names that are.
    """
    if name not in table:
        raise ValueError(f"unknown {what} {name!r}; choose from {', '.join(sorted(table))}")
    return table[name]
