"""The description of an annotation format: everything that preparing videos needs to know of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from adamml.data.manifest import Quality
from adamml.preparing.formats.annotations import Annotations

Media = Literal["videos", "pictures"]
"""Kinds of media that clips are made from: video files, or folders of numbered JPEGs with the sound
in wav files."""
MAX_FILE_BYTES = 2**30
"""Largest annotation file that is read; the largest in circulation has a tenth of that."""


@dataclass(frozen=True)
class Files:
    """Annotation files that a format consists of."""

    counts: Collection[int]
    """Numbers of files that are accepted."""
    needs: str
    """Description of the files, which follows "--annotations must be" in messages."""

    def check(self, format: str, files: Sequence[Path]) -> None:
        """Raise unless these can be files of the format.

        Raises:
            ValueError: another number of files, a path that is no file, or a file larger than
                MAX_FILE_BYTES.
        """
        if len(files) not in self.counts:
            raise ValueError(
                f"--annotations of {format} must be {self.needs}, got {len(files)} files"
            )
        for file in files:
            if not file.is_file():
                raise ValueError(f"--annotations must be a file, got {file}")
            if file.stat().st_size > MAX_FILE_BYTES:
                raise ValueError(
                    f"--annotations must have at most {MAX_FILE_BYTES} bytes, got {file}"
                )


@dataclass(frozen=True, kw_only=True)
class Format:
    """An entry of FORMATS. Code outside this folder reads these fields, never a format's name."""

    summary: str
    """Description of the format in one line, for --help."""
    read: Callable[[Sequence[Path], Sequence[str] | None], Annotations]
    """Function (files, classes) -> annotations of the clips of these classes, or of all classes
    where None is given. It raises ValueError with the file and the line that is wrong."""
    files: Files | None
    """Annotation files that `read` takes. None: the format has none, and `read` takes the folder of
    the videos."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Named subsets of the classes, which --classes chooses from."""
    media: Media = "videos"
    """Kind of media that the clips are made from."""
    default_quality: Quality | None
    """Quality measure that papers report for the format. None: mAP where a clip has several labels,
    else top-1 accuracy."""
    published: tuple[str, ...] = ()
    """Recipes whose published data the format may hold: keys of published.PUBLISHED."""
