"""Home that every round of the benchmark begins with, made by a slot's code without a slot.

    python benchmarks/faults/template.py FOLDER

FOLDER/template becomes a home with videos, decoded frames, unimodal networks and their segment
logits of the tiny recipe, and an empty MLflow database. Copy it with its symbolic links: the
decoded frames belong to the path of the videos, which lie in FOLDER/videos.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]


def make_template(folder: Path) -> Path:
    """Make the home below a folder, and return its path."""
    made, videos = folder / "template", folder / "videos"
    made.mkdir(parents=True)
    videos.mkdir()
    (made / "data").symlink_to(videos)
    os.environ |= {"ADAMML_HOME": str(made), "ADAMML_CACHE": str(made / "cache")}
    fill()
    from adamml.tracking.store import connect

    connect(f"sqlite:///{made / 'mlflow.db'}").search_experiments()
    return made


def fill() -> None:
    import torch
    from adamml.data.synthetic.generation import ensure_synthetic
    from adamml.home import home
    from adamml.study import specs
    from adamml.study.options.jobs import SweepOptions
    from adamml.study.options.sweep import resolve
    from adamml.trials.kinds import execute

    from search_spaces import space_of

    torch.set_num_threads(1)
    options = SweepOptions(recipe="tiny")
    plan = resolve(options, space_of)
    assert plan.config.data.synthetic is not None
    data = ensure_synthetic(plan.data, plan.config.data.synthetic, processes=2).fingerprint
    with tempfile.TemporaryDirectory() as study:
        context = {
            "home": str(home()),
            "study": study,
            "data": str(plan.data),
            "recipe": options.recipe,
            "modalities": plan.config.modalities,
            "built_in": True,
        }
        decoding = specs.decoding("prepare", plan.base, "train", "validation", "test")
        networks = specs.unimodals(plan.config, plan.base, plan.recognition, data)
        for assignment in [decoding, *networks]:
            attempt = {"key": assignment.key, "attempt": 1, "spec": assignment.to_wire()}
            execute(attempt, lambda metrics: None, context)


if __name__ == "__main__":
    make_template(Path(sys.argv[1]))
