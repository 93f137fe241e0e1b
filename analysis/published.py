"""Numbers that the paper's poster prints, as a tidy data frame (docs/paper.md 1.1).

Quality is measured on the test split, in percent. GFLOPs are per video, as the paper bills them
(adamml.cost.published). Rows that several tables repeat (AdaMML and weighted fusion, beside other
fusions and methods) appear once, under the first table. Datasets have the names of their recipes.
"""

import pandas as pd

DATASETS, FUSIONS, METHODS, LISTEN = "datasets", "fusions", "methods", "listen to look"
"""Tables of the poster. The last one follows another protocol and is never drawn beside others."""
KS, AN, FCVID, SPORTS = "kinetics_sounds", "activitynet", "fcvid", "mini_sports1m"
"""Recipes of the paper's datasets."""
METRICS = {KS: "top-1", AN: "mAP", FCVID: "mAP", SPORTS: "mAP"}
"""Metric of the quality on each dataset."""
RA, RF, RFA = "rgb+audio", "rgb+flow", "rgb+flow+audio"
"""Tasks of several modalities, written as in --task."""

CELLS = [
    (DATASETS, KS, "rgb alone", "rgb", 82.85, 141.36),
    (DATASETS, KS, "audio alone", "audio", 65.49, 3.82),
    (DATASETS, KS, "flow alone", "flow", 75.73, 163.39),
    (DATASETS, KS, "weighted fusion", RA, 87.86, 145.17),
    (DATASETS, KS, "AdaMML", RA, 88.17, 76.45),
    (DATASETS, KS, "weighted fusion", RF, 83.47, 304.75),
    (DATASETS, KS, "AdaMML", RF, 84.36, 137.03),
    (DATASETS, KS, "weighted fusion", RFA, 88.25, 308.56),
    (DATASETS, KS, "AdaMML-Flow", RFA, 88.54, 132.94),
    (DATASETS, KS, "AdaMML-RGBDiff", RFA, 89.06, 141.97),
    (DATASETS, AN, "rgb alone", "rgb", 73.24, 141.36),
    (DATASETS, AN, "audio alone", "audio", 13.88, 3.82),
    (DATASETS, AN, "weighted fusion", RA, 72.88, 145.17),
    (DATASETS, AN, "AdaMML", RA, 73.91, 94.01),
    (DATASETS, FCVID, "AdaMML", RA, 85.82, 93.86),
    (DATASETS, SPORTS, "AdaMML", RA, 46.08, 138.32),
    (FUSIONS, KS, "average fusion", RA, 88.15, 145.17),
    (FUSIONS, KS, "average fusion", RF, 83.30, 304.75),
    (FUSIONS, KS, "average fusion", RFA, 88.18, 308.56),
    (FUSIONS, KS, "class-wise fusion", RA, 87.86, 145.17),
    (FUSIONS, KS, "class-wise fusion", RF, 83.82, 304.75),
    (FUSIONS, KS, "class-wise fusion", RFA, 87.75, 308.56),
    (FUSIONS, KS, "max fusion", RA, 86.49, 145.17),
    (FUSIONS, KS, "max fusion", RF, 83.47, 304.75),
    (FUSIONS, KS, "max fusion", RFA, 88.06, 308.56),
    (FUSIONS, KS, "FC2 fusion", RA, 87.73, 145.17),
    (FUSIONS, KS, "FC2 fusion", RF, 83.30, 304.75),
    (FUSIONS, KS, "FC2 fusion", RFA, 87.84, 308.56),
    (METHODS, KS, "LiteEval", "rgb", 72.02, 104.06),
    (METHODS, SPORTS, "LiteEval", "rgb", 43.64, 151.83),
    (METHODS, AN, "FrameGlimpse", "rgb", 60.14, 33.33),
    (METHODS, FCVID, "FrameGlimpse", "rgb", 67.55, 30.10),
    (METHODS, AN, "FastForward", "rgb", 54.64, 17.86),
    (METHODS, FCVID, "FastForward", "rgb", 71.21, 66.11),
    (METHODS, AN, "AdaFrame", "rgb", 71.5, 78.69),
    (METHODS, FCVID, "AdaFrame", "rgb", 80.2, 75.13),
    (METHODS, AN, "LiteEval", "rgb", 72.7, 95.1),
    (METHODS, FCVID, "LiteEval", "rgb", 80.0, 94.3),
    (LISTEN, AN, "ListenToLook, ResNet-18 + ResNet-18", RA, 76.61, 112.65),
    (LISTEN, AN, "AdaMML, ResNet-18 + ResNet-18, 112 pixels", RA, 79.48, 70.87),
    (LISTEN, AN, "AdaMML, ResNet-18 + ResNet-18, 224 pixels", RA, 80.05, 82.33),
    (LISTEN, AN, "AdaMML, ResNet-50 + MobileNetV2", RA, 84.73, 110.14),
    (LISTEN, AN, "AdaMML, EfficientNet-b3 + EfficientNet-b0", RA, 85.62, 30.55),
]
"""Table, dataset, method, modalities (as in --task), quality (percent) and GFLOPs per video of each
result. The poster does not print the modalities of other papers' methods; they come from those
papers."""

SAVED = {
    (KS, "AdaMML", RA): 47.3,
    (KS, "AdaMML", RF): 55.0,
    (KS, "AdaMML-Flow", RFA): 56.9,
    (KS, "AdaMML-RGBDiff", RFA): 54.0,
    (AN, "AdaMML", RA): 35.2,
}
"""GFLOPs saved against weighted fusion of the same modalities, in percent. The poster prints 56.9
and 54.0; the other three are computed from its GFLOPs (docs/paper.md 1.1)."""

RATES = {
    (KS, "AdaMML", RA): {"rgb": 0.4647, "audio": 0.9415},
    (KS, "AdaMML-Flow", RFA): {"rgb": 0.5613, "flow": 0.2031},
    (KS, "AdaMML-RGBDiff", RFA): {"rgb": 0.5506, "flow": 0.2682},
}
"""Printed fractions of the segments in which AdaMML computes a modality."""

IMPLIED_RATES = {
    (KS, "AdaMML-Flow", RFA): {"audio": (0.975, 0.975)},
    (KS, "AdaMML-RGBDiff", RFA): {"audio": (0.950, 0.950)},
    (AN, "AdaMML", RA): {"rgb": (0.584, 0.611)},
    (FCVID, "AdaMML", RA): {"rgb": (0.583, 0.610)},
    (SPORTS, "AdaMML", RA): {"rgb": (0.898, 0.925)},
}
"""Lowest and highest value that an unprinted rate can have if the billing gives the printed GFLOPs
(docs/paper.md 1.2)."""

_TRUNCATED = "0.01 less than the sum of its networks: audio's 3.817 counts as 3.81"
_AT_224 = "4.45 GFLOPs too many: frame differences are billed at 224 pixels, computed at 160"
_SWAPPED = "unverified: LiteEval's table is recalled with FrameGlimpse and FastForward exchanged"
NOTES = {
    (KS, "AdaMML", RA): "these rates are billed 76.88 GFLOPs; rgb in 46.17% would be billed 76.45",
    (KS, "AdaMML", RF): _AT_224,
    (KS, "AdaMML-Flow", RFA): "its policy looks at flow, but the total fits only if frame "
    "differences are billed (at 224 pixels)",
    (KS, "AdaMML-RGBDiff", RFA): _AT_224,
    (AN, "AdaMML", RA): "one rate is printed, 76.25%; rgb at this rate would be billed at least "
    "115.4 GFLOPs",
    (KS, "weighted fusion", RA): "exactly class-wise fusion's value",
    (KS, "class-wise fusion", RA): "exactly weighted fusion's value",
    (KS, "weighted fusion", RF): "exactly max fusion's value",
    (KS, "max fusion", RF): "exactly weighted fusion's value",
    (KS, "average fusion", RF): "exactly FC2 fusion's value",
    (KS, "FC2 fusion", RF): "exactly average fusion's value",
    (FCVID, "FrameGlimpse", "rgb"): _SWAPPED,
    (FCVID, "FastForward", "rgb"): _SWAPPED,
    (AN, "AdaFrame", "rgb"): "elsewhere 71.59 at 79.79, and 71.5 at 78.97",
    (AN, "AdaMML, ResNet-18 + ResNet-18, 112 pixels", RA): "another protocol than in the other "
    "tables, by whose billing all modalities always on cost 49.4 GFLOPs",
    (AN, "AdaMML, ResNet-50 + MobileNetV2", RA): "another protocol than in the other tables, "
    "where these networks score 73.91",
}
"""Notes on cells that do not fit the others (docs/paper.md 1.1 and 1.2)."""


def published() -> pd.DataFrame:
    """Return a row per result.

    Columns: table, dataset, modalities, method, metric (top-1 or mAP), value (percent), gflops (per
    video), saved (SAVED; NaN for methods that it does not list), rates (modality -> fraction of
    segments; 1 for fusions; empty if not printed), implied_rates (modality -> lowest, highest) and
    note ("" if the cell fits the others).
    """
    rows = []
    for table, dataset, method, modalities, value, gflops in CELLS:
        key = (dataset, method, modalities)
        whole = method.endswith((" alone", " fusion"))
        notes = [NOTES[key]] if key in NOTES else []
        if whole and modalities in (RA, RFA):
            notes.append(_TRUNCATED)
        rows.append(
            {
                "table": table,
                "dataset": dataset,
                "modalities": modalities,
                "method": method,
                "metric": METRICS[dataset],
                "value": value,
                "gflops": gflops,
                "saved": SAVED.get(key, float("nan")),
                "rates": dict.fromkeys(modalities.split("+"), 1.0) if whole else RATES.get(key, {}),
                "implied_rates": IMPLIED_RATES.get(key, {}),
                "note": "; ".join(notes),
            }
        )
    return pd.DataFrame(rows)
