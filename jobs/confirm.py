r"""Retrain what a sweep found with fresh seeds, and test each once: what is left of the front?

It takes the options of the sweep that it follows, and --confirm-... for what to retrain:

    python jobs/confirm.py --confirm-front               # the whole front, not one point alone
    python jobs/confirm.py --recipe tiny --confirm-seeds 5 --confirm-until 8
    python jobs/confirm.py --help

On a cluster:

    ray job submit --working-dir . -- python jobs/confirm.py --data <kinetics-sounds> \
        --home <shared folder> --tracking-uri <MLflow server>
"""

import sys

import _job


def main() -> int:
    # Not at the top: the processes that draw and decode videos import this file again.
    import tyro
    from adamml.study.options.jobs import SweepOptions

    options = tyro.cli(SweepOptions, description=__doc__)
    return _job.run(lambda: _job.study(options, "confirm"))


if __name__ == "__main__":
    sys.exit(main())
