"""Preparation without a cluster: one clip after another, as jobs/prepare_videos.py must have it."""

from pathlib import Path

from adamml.data.formats.folders import read_folders
from adamml.data.manifest import Manifest
from adamml.preparing.clips import Preparation, prepare
from adamml.preparing.manifests import make_manifest
from adamml.preparing.wanted import all_asked


def prepare_folders(videos: Path, out: Path) -> Manifest:
    """Of --format folders, with the manifest that follows."""
    work = Preparation(videos=videos.resolve(), out=out.resolve())
    found = read_folders([videos])
    rows = [prepare(row, work) for row in all_asked(found, work)]
    return make_manifest(found, {row["id"]: row for row in rows}, work.out)
