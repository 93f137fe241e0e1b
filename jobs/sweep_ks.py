r"""Search AdaMML's settings for the front of quality (accuracy or mAP) against GFLOPs.

    python jobs/sweep_ks.py                      # built-in videos, small networks, minutes
    python jobs/sweep_ks.py --recipe tiny        # the same job in under two minutes
    python jobs/sweep_ks.py --help

On a cluster:

    ray job submit --working-dir . -- python jobs/sweep_ks.py --data <kinetics-sounds> \
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
    return _job.run(lambda: _job.study(options, "sweep"))


if __name__ == "__main__":
    sys.exit(main())
