"""Bring MLflow up to date with the journals, after its server was away or on another server.

    python jobs/sync_tracking.py                                   # every study of the home
    python jobs/sync_tracking.py --name demo-4fbb2d --tracking-uri http://mlflow:5000

MLflow only shows what the journals hold, so running this twice changes nothing.
"""

import sys
from typing import Any

import _job


def main() -> int:
    """Read the options from the command line and run the job."""
    import tyro
    from adamml.tracking.sync import SyncOptions

    options = tyro.cli(SyncOptions, description=__doc__)
    return _job.run(lambda: start(options))


def start(options: Any) -> int:
    """Write the studies' journals into MLflow, print a line per study, return the exit status."""
    from adamml.tracking.follower import check_tracking_uri, default_tracking_uri, look_command
    from adamml.tracking.sync import studies_of, sync

    folders = studies_of(options)
    uri = check_tracking_uri(options.tracking_uri or default_tracking_uri())
    behind = False
    for folder in folders:
        problems = sync(folder, uri)
        behind |= bool(problems)
        print(f"{folder.name}: {'; '.join(problems) or 'up to date'}", flush=True)
    if not behind:
        print(look_command(uri))
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
