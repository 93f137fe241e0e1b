"""What an earlier study knows, for the sampler of the next one."""

import json
from dataclasses import replace

from adamml.config import flatten
from adamml.home import study_folder
from adamml.records import TrialRecord, read_study
from adamml.study.options.settings import Settings
from adamml.study.specs import BASELINES

SAME = ("searched", "quality")


def earlier_trials(name: str, settings: Settings) -> list[TrialRecord]:
    """The sampled trials of that study with what they had when they were first complete.

    Raises:
        ValueError: there is no such study, it has another space or objective, or no such trial.
    """
    folder = study_folder(name)
    path = folder / "study.json"
    if not path.exists():
        raise ValueError(f"warm-start must name a study in the home, got {name!r}: no {path}")
    there, here = json.loads(path.read_text()), vars(settings)
    different = [
        f"  {key}: there {old.get(key)!r}, here {new.get(key)!r}"
        for old, new in [(flatten({k: s[k] for k in SAME}) for s in (there, here))]
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    if different:
        raise ValueError(f"study {name!r} has another space:\n" + "\n".join(different))
    sampled = [t for t in read_study(folder).trials if t.kind == "trial" and t.finals]
    found = [
        replace(t, final=next(iter(t.finals.values())))
        for t in sampled
        if t.method not in BASELINES
    ]
    if not found:
        raise ValueError(f"warm-start must name a study with finished trials, got {name!r}")
    return found
