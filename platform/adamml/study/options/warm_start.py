"""Warm start: finished trials of an earlier study, from which the sampler of a new one learns."""

import json
from dataclasses import replace

from adamml.config import flatten
from adamml.home import study_folder
from adamml.records import TrialRecord, read_study
from adamml.study.options.settings import Settings
from adamml.study.specs import BASELINES

MUST_MATCH = ("searched", "quality")
"""Settings that must be equal in both studies."""


def earlier_trials(name: str, settings: Settings) -> list[TrialRecord]:
    """Return the sampled trials of a study, with their first final metrics.

    Args:
        name: of the earlier study, in the home.
        settings: of the new study.

    Raises:
        ValueError: there is no such study, it has another space or quality, or no finished trial.
    """
    folder = study_folder(name)
    path = folder / "study.json"
    if not path.exists():
        raise ValueError(f"warm-start must name a study in the home, got {name!r}: no {path}")
    stored, given = json.loads(path.read_text()), vars(settings)
    different = [
        f"  {key}: in {name} {old.get(key)!r}, here {new.get(key)!r}"
        for old, new in [(flatten({k: s[k] for k in MUST_MATCH}) for s in (stored, given))]
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    if different:
        raise ValueError(
            f"warm-start must name a study over the same space, got {name!r}:\n"
            + "\n".join(different)
        )
    sampled = [t for t in read_study(folder).trials if t.kind == "trial" and t.finals]
    trials = [
        replace(t, final=next(iter(t.finals.values())))
        for t in sampled
        if t.method not in BASELINES
    ]
    if not trials:
        raise ValueError(f"warm-start must name a study with finished trials, got {name!r}")
    return trials
