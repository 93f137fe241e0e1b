"""Options of the preparation of videos. Nothing slow is imported here: --help answers at once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Cut, scale and re-encode the videos of a dataset; writes a manifest.parquet beside them."""

    format: str
    """Of the annotations: kinetics (CSV files), activitynet (JSON), lists (FCVID, Mini-Sports1M:
    path,num_frames,label), sports1m (partitions, lists of ids), reference (the reference's lists,
    over numbered JPEGs and wav files), folders (one per class, no annotations)."""
    videos: Path
    """Folder of the videos, at any depth; for reference, what the lists' paths are relative to."""
    out: Path
    """Folder for prepared clips and their manifest; all nodes must reach it."""
    annotations: tuple[Path, ...] = ()
    """Files of the format, training before evaluation. For reference, those of the sound follow,
    where there are any."""
    classes: str | None = None
    """A named subset of the classes: kinetics_sounds."""
    class_names: Path | None = None
    """A file with a name per line, for formats that number their classes: line 1 is class 0."""
    quality: str | None = None
    """What is to be maximised: accuracy (top-1) or map (mean average precision). Default: what
    papers report for the format."""
    sounds: Path | None = None
    """Folder of the wav files, for reference. Default: that of the videos."""
    pictures_fps: float = 29.97
    """Frame rate of numbered JPEGs, for reference, which takes it to be this."""
    flow: str | None = None
    """Optical flow to compute beside each clip: tvl1 (as published; hours of a core for a hundred
    clips of 10 s), dis (far faster), or, for reference, pairs: the x_ and y_ pictures beside its
    frames. Default: none; asked for later, it is added."""
    check: bool = False
    """Read all prepared files, and make those again whose content has changed."""
