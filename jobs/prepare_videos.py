"""Prepare the videos of a dataset for sweeps, on all cores of this machine or of a Ray cluster.

    python jobs/prepare_videos.py --format folders --videos clips --out data
    python jobs/prepare_videos.py --format kinetics --annotations train.csv validate.csv \\
        --videos k400 --out ks --classes kinetics_sounds
    python jobs/prepare_videos.py --format activitynet --annotations activity_net.v1-3.min.json \\
        --videos activitynet --out an
    python jobs/prepare_videos.py --format lists --annotations fcvid_train_split.txt \\
        fcvid_val_split.txt --videos fcvid --out fc
    python jobs/prepare_videos.py --format sports1m --annotations train_partition.txt \\
        test_partition.txt train_ids.txt test_ids.txt --videos sports1m --class-names labels.txt \\
        --out sp
    python jobs/prepare_videos.py --format reference --annotations rgb/train.txt rgb/val.txt \\
        audio/train.txt audio/val.txt --videos rgb --sounds audio --out ks

With --flow tvl1 the optical flow of the recipes with flow is computed as well. Running it again
does only what is missing. Then: python jobs/sweep_ks.py --data data.
"""

import sys
from typing import Any

import _job


def main() -> int:
    """Read the options and prepare the videos; return the exit status."""
    import tyro
    from adamml.preparing.formats import FORMATS
    from adamml.preparing.options import PrepareOptions

    formats = "\n".join(f"    {name}: {format.summary}" for name, format in FORMATS.items())
    options = tyro.cli(PrepareOptions, description=f"{__doc__}\nFormats:\n\n{formats}\n")
    return _job.run(lambda: start(options))


def start(options: Any) -> int:
    """Prepare the videos and print what came of them; return the exit status."""
    # Only now: Ray takes seconds to import, and --help does not need it.
    from adamml.preparing.counts import count_reasons
    from adamml.preparing.job import COUNTS, REPORT, prepare_videos

    outcome = prepare_videos(options)
    print(f"\n{outcome.counts.to_string()}\n")
    for remark in outcome.remarks:
        print(remark)
    print(f"By class: {options.out / COUNTS}\n")
    if outcome.damaged:
        some = ", ".join(outcome.damaged[:3])
        print(f"{len(outcome.damaged)} files had changed since and were removed: {some}")
    for reason, count in count_reasons(outcome.failed):
        print(f"{count:6d} cannot be used: {reason}")
    if len(outcome.failed):
        print(f"All of them: {options.out / REPORT}\n")
    print(f"{outcome.tried} clips were prepared or tried now; the rest was done.")
    print(f"Next: python jobs/sweep_ks.py --data {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
