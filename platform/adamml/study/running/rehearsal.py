"""Whether anything is left of a study: its phases, run over slots that take no trial."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class WorkLeft(Exception):  # noqa: N818 -- an answer, not an error
    """Raised by NoSlots: there is a trial to run."""


class TrialSlots(Protocol):
    """What a study needs of slots."""

    @property
    def dispatcher(self) -> Any: ...

    def run(
        self,
        specs: Mapping[str, dict[str, Any]],
        *,
        priority: int = 0,
        on_report: Callable[[str, dict[str, Any]], None] = ...,
        then: Callable[[], Mapping[str, dict[str, Any]]] = ...,
    ) -> dict[str, dict[str, Any]]: ...


class NoSlots:
    """Shows whether anything is left of a study: a trial raises WorkLeft, decoding is left out."""

    @property
    def dispatcher(self) -> Any:
        raise WorkLeft

    def run(self, specs: Mapping[str, dict[str, Any]], **_: Any) -> dict[str, dict[str, Any]]:
        if any(spec["kind"] != "prepare" for spec in specs.values()):
            raise WorkLeft
        return {}


class StudyError(RuntimeError):
    """The study cannot go on; the message is for the user."""
