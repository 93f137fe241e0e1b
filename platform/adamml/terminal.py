"""Where jobs print: on a terminal as wide as it is, in a job's log at a fixed width."""

from rich.console import Console

FROM_A_JOB = 110
"""Columns of text where there is no terminal to ask."""


def open_console(columns: int = FROM_A_JOB) -> Console:
    """
    Args:
        columns: where there is no terminal.
    """
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=columns)
