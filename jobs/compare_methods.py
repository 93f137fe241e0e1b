r"""Compare AdaMML with each modality alone, with fusions of all, and with other policies.

    python jobs/compare_methods.py                       # built-in videos, all methods, three seeds
    python jobs/compare_methods.py --recipe tiny         # the same job in a few minutes
    python jobs/compare_methods.py --methods weighted matched_random adamml --seeds 0 1 2 3 4
    python jobs/compare_methods.py --help

On a cluster:

    ray job submit --working-dir . -- python jobs/compare_methods.py --data <kinetics-sounds> \
        --home <shared folder> --tracking-uri <MLflow server>
"""

import sys
from typing import Any

import _job


def main() -> int:
    """Read the options from the command line and run the job."""
    # Imported here, because the processes that draw and decode videos import this file again.
    import tyro
    from adamml.study.options.jobs import CompareOptions

    options = tyro.cli(CompareOptions, description=__doc__)
    return _job.run(lambda: start(options))


def start(options: Any) -> int:
    """Compare the methods, print the table, and return the exit status."""
    # Imported here, because torch and ray take seconds to import and --help needs neither.
    from adamml.tracking.follower import look_command
    from adamml.study.compare import compare, dry_run_comparison
    from adamml.study.options.comparison import resolve_comparison

    from analysis.comparison_report import print_comparison, summarise

    comparison = resolve_comparison(options)
    if options.dry_run:
        print(dry_run_comparison(comparison))
        return 0
    compared = compare(comparison, summarise)
    print_comparison(compared, look_command(comparison.tracking_uri))
    return 1 if compared.failed else 0


if __name__ == "__main__":
    sys.exit(main())
