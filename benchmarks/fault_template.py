"""Makes what every round of faults.py begins with, by a slot's own code and without a slot.

    ADAMML_HOME=... ADAMML_CACHE=... python benchmarks/fault_template.py

Videos, decoded frames, unimodal networks and their segment logits of the tiny recipe.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]


def main() -> None:
    import torch
    from adamml.data.synthetic import ensure_synthetic
    from adamml.home import home
    from adamml.study.baselines import unimodal_specs
    from adamml.study.execute import execute
    from adamml.study.job_options import SweepOptions
    from adamml.study.options import resolve
    from adamml.study.preparation import prepare_spec

    from search_spaces import space_of

    torch.set_num_threads(1)
    options = SweepOptions(recipe="tiny")
    resolved = resolve(options, space_of)
    plan = resolved.plan
    assert plan.config.data.synthetic is not None
    data = ensure_synthetic(resolved.data, plan.config.data.synthetic, processes=2).fingerprint
    with tempfile.TemporaryDirectory() as study:
        context = {
            "home": str(home()),
            "study": study,
            "data": str(resolved.data),
            "recipe": options.recipe,
            "modalities": plan.config.modalities,
            "built_in": True,
        }
        specs = [prepare_spec("prepare", plan.base, "train", "validation", "test")]
        for spec in [*specs, *unimodal_specs(plan.config, plan.base, plan.recognition, data)]:
            assignment = {"id": spec["id"], "attempt": 1, "spec": spec}
            execute(assignment, lambda metrics: None, context)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
