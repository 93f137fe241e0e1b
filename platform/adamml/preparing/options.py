"""Options of the preparation of videos. Nothing slow is imported here: --help answers at once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Options of jobs/prepare_videos.py, which cuts and re-encodes the videos of a dataset."""

    format: str
    """Format of the annotations; the formats are listed above."""
    videos: Path
    """Folder of the videos, which may lie at any depth. For numbered pictures, the folder that the
    paths in the lists are relative to. All nodes must reach it."""
    out: Path
    """Folder for the prepared clips and their manifest, outside of --videos. All nodes must reach
    it."""
    annotations: tuple[Path, ...] = ()
    """Annotation files, those of training before those of evaluation. For numbered pictures, the
    lists of the sound may follow. Not needed for folders."""
    classes: str | None = None
    """Name of a subset of the classes, such as kinetics_sounds of kinetics. Default: all."""
    class_names: Path | None = None
    """File with one class name per line, for formats that number their classes. Line 1 names class
    0."""
    quality: str | None = None
    """Quality measure that is to be maximised: accuracy (top-1) or map (mean average precision).
    Default: the measure that papers report for the format."""
    sounds: Path | None = None
    """Folder of the wav files, for numbered pictures. Default: --videos."""
    pictures_fps: float = 29.97
    """Frame rate of numbered pictures, per second. The reference implementation takes all of them
    to have the default."""
    flow: str | None = None
    """Optical flow to store beside each clip: tvl1 (as published; 110 s of a core for a clip of
    10 s), dis (3.4 s), or pairs (for numbered pictures: the x_ and y_ pictures beside the frames).
    It can be added to clips that are prepared already. Default: no new flow; flow that all clips
    have stays in the manifest."""
    check: bool = False
    """Read all prepared files first, remove those whose content has changed since they were made,
    and make them again."""
