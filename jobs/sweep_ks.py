r"""Search AdaMML's settings and show the front of accuracy against GFLOPs.

    python jobs/sweep_ks.py                      # built-in videos, small networks, minutes
    python jobs/sweep_ks.py --recipe tiny        # the same job in under two minutes
    python jobs/sweep_ks.py --help

On a cluster:

    ray job submit --working-dir . -- python jobs/sweep_ks.py --data <kinetics-sounds> \
        --home <shared folder> --tracking-uri <MLflow server>
"""

import sys
from typing import Any

import _job


def main() -> int:
    # Not at the top: the processes that draw and decode videos import this file again.
    import tyro
    from adamml.study.job_options import SweepOptions

    options = tyro.cli(SweepOptions, description=__doc__)
    return _job.run(lambda: start(options))


def start(options: Any) -> int:
    # Only now: torch and ray take seconds to import, and --help needs neither.
    from adamml.follower import look_command
    from adamml.study.options import dry_run, resolve
    from adamml.study.sweep import sweep

    from analysis.report import draw
    from analysis.summary import print_summary
    from search_spaces import space_of

    resolved = resolve(options, space_of)
    if options.dry_run:
        print(dry_run(resolved))
        return 0
    outcome = sweep(resolved, draw)
    print_summary(outcome, look_command(resolved.tracking_uri))
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
