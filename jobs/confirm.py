r"""Retrain the results of a sweep with fresh seeds and test each once.

Give it the options of the sweep, and options --confirm-... that say what to retrain:

    python jobs/confirm.py --confirm-front               # the whole front, not the chosen point
    python jobs/confirm.py --recipe tiny --confirm-seeds 5 --confirm-until 8
    python jobs/confirm.py --help

On a cluster:

    ray job submit --working-dir . -- python jobs/confirm.py --data <kinetics-sounds> \
        --home <shared folder> --tracking-uri <MLflow server>
"""

import sys

import _job


def main() -> int:
    """Read the options from the command line and run the job."""
    # Imported here, because the processes that draw and decode videos import this file again.
    import tyro
    from adamml.study.options.jobs import SweepOptions

    options = tyro.cli(SweepOptions, description=__doc__)
    return _job.run(lambda: _job.study(options, "confirm"))


if __name__ == "__main__":
    sys.exit(main())
