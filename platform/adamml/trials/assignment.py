"""The typed description of one piece of work, from the searcher to the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from adamml.data.manifest import Split

ESSENTIAL = ("prepare", "unimodal", "confirm_unimodal", "references", "test")
"""Kinds without which a study cannot continue; a trial of any other kind may fail alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A point that a searcher picked, under the id of the trial that will train it."""

    id: str
    overrides: Mapping[str, Any]
    """Dotted path -> value: the parameters of the space, and a seed where the point is a repeat."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """One piece of work for a slot; study/specs.py alone makes them.

    Relay, dispatcher and worker pass it along as plain values (to_wire) and read of it `rungs`
    alone; trials/kinds.py executes it.
    """

    kind: str
    """Entry of trials/kinds.KINDS."""
    id: str
    """Name of the trial, and of its folder in the study; of a decoding, its splits and a number."""
    fidelity: str = ""
    """Level to train to: unimodal, policy or joint; empty for what trains nothing."""
    method: str = ""
    """Method, baseline or modality that the trial stands for, as figures name it."""
    name: str = ""
    """Text that people read in MLflow and in reports."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Dotted path -> value, on top of the study's recipe."""
    rungs: tuple[int, ...] = ()
    """Policy epochs at which a scheduler may stop the trial, and its slot waits for the answer."""
    decision_bias: Mapping[str, float] = field(default_factory=dict)
    """Modality -> logits added to its decision when the trial is tested; empty for none."""
    splits: tuple[Split, ...] = ()
    """Splits to decode."""
    modality: str = ""
    """Modality of a unimodal network."""

    @property
    def key(self) -> str:
        """The one name under which searcher, relay, dispatcher and runner know this work."""
        return " ".join(filter(None, (self.kind, self.id, self.fidelity)))

    def to_wire(self) -> dict[str, Any]:
        """Return plain values that pass through Tune and Ray without this class."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        # Tuples become lists, as in JSON; from_wire makes them tuples again.
        return {
            name: list(value)
            if isinstance(value, tuple)
            else dict(value)
            if isinstance(value, Mapping)
            else value
            for name, value in values.items()
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Assignment":
        """Return the assignment that to_wire() took apart.

        Args:
            wire: all fields by name, and no others.

        Raises:
            TypeError: a field is missing or unknown.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in wire.items()
        }
        return cls(**values)
