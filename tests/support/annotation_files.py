"""Small annotation files of every format: two classes, 40 clips of training, 3 of evaluation."""

import json
from collections.abc import Callable
from pathlib import Path


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def kinetics(folder: Path) -> list[Path]:
    head = "label,youtube_id,time_start,time_end,split,is_cc\n"
    train = [
        f'"{label}",t{label}{n},{n},{n + 10},train,0' for label in ("a b", "c") for n in range(20)
    ]
    test = [f"c,e{n},0,10,validate,1" for n in range(3)] + ["c,nobody,0,10,test,0"]
    return [
        write(folder, "train.csv", head + "\n".join(train) + "\n"),
        write(folder, "validate.csv", head + "\n".join(test) + "\n"),
    ]


def activitynet(folder: Path) -> list[Path]:
    def video(subset: str, *labels: str) -> dict[str, object]:
        return {"subset": subset, "annotations": [{"label": n, "segment": [0, 1]} for n in labels]}

    videos = {f"t{n}": video("training", "a b", "a b") for n in range(20)}
    videos |= {f"s{n}": video("training", "c") for n in range(19)}
    videos |= {"both": video("training", "c", "a b")}
    videos |= {f"e{n}": video("validation", "c") for n in range(3)} | {"nobody": video("testing")}
    return [write(folder, "an.json", json.dumps({"version": "1.3", "database": videos}))]


def lists(folder: Path) -> list[Path]:
    train = [f"x/t{n}.mp4,300,0,0" for n in range(20)] + [f"x/s.{n},300,1" for n in range(19)]
    train += ["x/both.mp4,300,1,0"]
    return [
        write(folder, "train.txt", "\n".join(train) + "\n"),
        write(folder, "val.txt", "\n".join(f"x/e{n}.mp4,200,1" for n in range(3)) + "\n\n"),
    ]


def sports1m(folder: Path) -> list[Path]:
    """With one video in both partitions, and two that are in no list of ids."""

    def address(id: str) -> str:
        return f"https://www.youtube.com/watch?v={id}"

    train = [f"{address(f't{n}')} 0\n" for n in range(20)]
    train += [f"{address(f's{n}')} 1\n" for n in range(25)]
    train += [f"{address('both')} 1,0\n", f"{address('e0')} 1\n"]
    test = [f"{address(f'e{n}')} 1\n" for n in range(3)] + [f"{address('other')} 1\n"]
    mini_train = [f"t{n}\n" for n in range(20)] + [f"{address(f's{n}')} 1\n" for n in range(19)]
    return [
        write(folder, "train_partition.txt", "".join(train)),
        write(folder, "test_partition.txt", "".join(test)),
        write(folder, "train_mini.txt", "".join([*mini_train, "both"])),
        write(folder, "test_mini.txt", "e0\ne1\ne2"),
    ]


def reference(folder: Path) -> list[Path]:
    train = [f"x y/t{n};1;300;0" for n in range(20)] + [f"x y/s{n};1;300;1" for n in range(19)]
    train += ["x y/both;1;300;0;1"]
    return [
        write(folder, "train.txt", "\n".join(train) + "\n"),
        write(folder, "val.txt", "\n".join(f"x/e{n} 1 200 1" for n in range(3))),
    ]


def folders(folder: Path) -> list[Path]:
    for label, count in (("a b", 25), ("c", 25), ("empty", 0)):
        (folder / "media" / label).mkdir(parents=True)
        for n in range(count):
            write(folder / "media" / label, f"{n}.mp4", "")
        write(folder / "media" / label, "notes.txt", "")
    return [folder / "media"]


SMALL: dict[str, Callable[[Path], list[Path]]] = {
    "kinetics": kinetics,
    "activitynet": activitynet,
    "lists": lists,
    "sports1m": sports1m,
    "reference": reference,
    "folders": folders,
}
"""Format -> writes its files into a folder and returns them."""
