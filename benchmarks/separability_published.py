"""What Zhou & Srikumar report in ACL 2022 (arXiv 2106.14282): their table of fine-tuned BERTs, as figures.

A cell is accuracy, its standard deviation, number of clusters, whether that is one per label, and the similarity of
train and test, each before and after fine-tuning on the task. Figures only; what is compared with them is elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

TASKS = ("POS", "DEP", "PS-fxn", "PS-role", "TREC-50")
MODELS = ("BERT tiny (2x128)", "BERT mini (4x256)", "BERT small (4x512)", "BERT medium (8x512)", "BERT base (12x768)")

_TABLE = """
90.76 .24 3936 N - -> 91.67 .29 20 N -
86.74 .22 653 N - -> 89.04 .20 46 Y .88
74.14 1.42 402 N - -> 74.40 .68 40 Y .72
58.38 .78 46 Y .76 -> 60.31 .29 46 Y .70
68.12 .82 399 N - -> 84.04 .93 51 N -
93.81 .10 2429 N - -> 94.91 .03 17 Y .70
91.82 .09 46 Y .93 -> 93.55 .07 46 Y .86
82.45 1.07 40 Y .77 -> 84.25 .39 40 Y .53
68.05 1.08 46 Y .81 -> 71.90 1.06 46 Y .59
74.12 1.25 127 N - -> 88.36 .50 52 N -
94.26 .13 17 Y .96 -> 95.43 .06 17 Y .72
92.93 .14 46 Y .93 -> 94.48 .14 46 Y .78
86.26 .54 40 Y .82 -> 85.08 .35 40 Y .44
74.22 1.03 46 Y .84 -> 74.57 .61 46 Y .54
81.32 .61 113 N - -> 89.60 .22 51 N -
94.40 .08 17 Y .97 -> 95.56 .05 17 Y .67
92.54 .14 46 Y .94 -> 94.76 .20 46 Y .79
86.56 .41 40 Y .80 -> 88.45 .45 40 Y .59
76.28 1.00 46 Y .83 -> 78.86 .58 46 Y .58
80.68 1.16 110 N - -> 89.80 .33 52 N -
93.39 .31 17 Y .97 -> 95.68 .02 17 Y .70
89.39 .08 46 Y .92 -> 94.76 .05 46 Y .76
87.75 .41 40 Y .84 -> 89.58 .67 40 Y .57
74.49 .84 46 Y .82 -> 81.14 .26 46 Y .52
85.24 .85 162 N - -> 90.36 .32 51 N -
"""


@dataclass(frozen=True)
class Cell:
    """One model on one task: accuracy and deviation in percent, similarity None where there is none."""

    accuracy: float
    std: float
    clusters: int
    linear: bool
    similarity: float | None

    def __str__(self) -> str:
        similarity = "-" if self.similarity is None else f"{self.similarity:.2f}".removeprefix("0")
        return f"{self.accuracy:.2f} {self.std:.2f} {self.clusters} {'Y' if self.linear else 'N'} {similarity}"


def _cell(text: str) -> Cell:
    accuracy, std, clusters, linear, similarity = text.split()
    return Cell(
        float(accuracy), float(std), int(clusters), linear == "Y", None if similarity == "-" else float(similarity)
    )


PUBLISHED: dict[tuple[str, str], tuple[Cell, Cell]] = {
    (MODELS[number // len(TASKS)], TASKS[number % len(TASKS)]): (_cell(before), _cell(after))
    for number, line in enumerate(_TABLE.strip().splitlines())
    for before, after in [line.split(" -> ")]
}
