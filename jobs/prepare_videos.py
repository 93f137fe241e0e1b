"""Prepare the videos of a dataset for sweeps, on all cores of this machine or of a Ray cluster.

    python jobs/prepare_videos.py --format folders --videos clips --out data
    python jobs/prepare_videos.py --format kinetics --annotations train.csv validate.csv \\
        --videos k400 --out ks --classes kinetics_sounds

With --flow tvl1 the optical flow of the recipes with flow is computed as well. Running it again
does only what is missing. Then: python jobs/sweep_ks.py --data data.
"""

import sys
from typing import Any

import _job


def main() -> int:
    import tyro
    from adamml.study.job_options import PrepareOptions

    options = tyro.cli(PrepareOptions, description=__doc__)
    return _job.run(lambda: start(options))


def start(options: Any) -> int:
    from adamml.preparing.job import REPORT, prepare_videos

    found = prepare_videos(options)
    print(f"\n{found.counts.to_string()}\n")
    if found.damaged:
        some = ", ".join(found.damaged[:3])
        print(f"{len(found.damaged)} files had changed since and were removed: {some}")
    for reason, count in found.failed["reason"].value_counts().head(8).items():
        print(f"{count:6d} cannot be used: {reason}")
    if len(found.failed):
        print(f"All of them: {options.out / REPORT}\n")
    print(f"{found.done} clips were prepared or tried now; the rest was done.")
    print(f"Next: python jobs/sweep_ks.py --data {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
