"""Paths of the repository's packages, put on sys.path by `import _path` at the top of every job.

Ray puts a job's working directory on the path, but not platform/, where adamml is.
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
for _folder in (_ROOT, _ROOT / "platform"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
