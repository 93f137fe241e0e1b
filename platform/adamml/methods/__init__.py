"""Methods: which parts of a video are computed, and how their logits become one answer.

A method is a line of METHODS: overrides of the recipe, and the family that its model belongs to. To
compare another setting of a known model (a fusion, a policy), add that line. A new kind of model is
a package beside methods/adamml that exports a Family: functions that build the model, give the
training loop its task, evaluate it as it would be deployed and count its costs. Give it a line of
METHODS; trials, journals, reports and figures then take it as any other. Its task may train on
videos, or on the cached segment logits of the unimodal networks (training/fixed_views.py).
tests/methods runs every line of the table, and FAMILIES lists the families in it.
"""

from adamml.methods.epochs import policy_epochs, recognition_epochs
from adamml.methods.family import FIDELITIES, Caches, Family
from adamml.methods.table import (
    ALWAYS_ON,
    FAMILIES,
    METHODS,
    Method,
    family_of,
    method_names,
    method_overrides,
    methods_of,
    rates,
)

__all__ = [
    "ALWAYS_ON",
    "FAMILIES",
    "FIDELITIES",
    "METHODS",
    "Caches",
    "Family",
    "Method",
    "family_of",
    "method_names",
    "method_overrides",
    "methods_of",
    "policy_epochs",
    "rates",
    "recognition_epochs",
]
