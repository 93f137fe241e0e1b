"""Preparation without a cluster: one clip after another, as jobs/prepare_videos.py must have it."""

from pathlib import Path

from adamml.data.manifest import Manifest
from adamml.journal import Journal
from adamml.preparing.clips import Preparation, prepare
from adamml.preparing.formats.folders import read_folders
from adamml.preparing.manifests import make_manifest
from adamml.preparing.pipeline import journal_path, outcomes
from adamml.preparing.wanted import wanted_clips


def prepare_folders(videos: Path, out: Path) -> Manifest:
    """Of --format folders, with the journal, and the manifest that follows."""
    work = Preparation(videos=videos.resolve(), out=out.resolve())
    found = read_folders([videos])
    work.out.mkdir(parents=True)
    journal = Journal(journal_path(work.out))
    for row in wanted_clips(found, work):
        journal.append("clip", row=prepare(row, work))
    return make_manifest(found, outcomes(work.out), work.out)
