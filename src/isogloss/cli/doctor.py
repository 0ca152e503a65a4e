"""`isogloss doctor`: what isogloss sees in a model, before a long run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from isogloss.cli import options as o
from isogloss.cli.console import out as console
from isogloss.cli.console import print_table, user_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from isogloss.activations.diagnosis import Diagnosis
    from isogloss.analysis import Analysis
    from isogloss.models import ModelReference

HASH = 12
"""Characters of a checksum that are shown."""


def doctor(
    model: Annotated[str, typer.Argument(help="Directory, hub id (id@revision), adapter or package:NAME.")],
    data: Annotated[str | None, typer.Option("--data", metavar="FILE", help="A corpus, for coverage and time.")] = None,
    text: o.Text = "text",
    text_b: o.TextB = None,
    format: o.Format = None,  # noqa: A002
    encoding: o.Encoding = "utf-8",
    delimiter: o.Delimiter = None,
    quoting: o.Quoting = None,
    columns: o.Columns = None,
    words: Annotated[int | None, typer.Option("--words", min=1, help="Estimate for a corpus of so many words.")] = None,
    analyses: Annotated[
        str, typer.Option("--analyses", help="Analyses to estimate the time of, with commas; none for none.")
    ] = "similarity",
    device: o.Device = "auto",
    device_map: o.DeviceMap = None,
    compute: o.Compute = "float32",
    allow_pickle: o.Pickle = False,
) -> None:
    """Check a model: its blocks and sites, how well words align, and what a corpus would cost in bytes and time."""
    with user_errors():
        from isogloss.activations.diagnosis import diagnose
        from isogloss.memory import size_in_words
        from isogloss.models import load, resolve
        from isogloss.models.adapters import described

        corpus = None
        if data:
            corpus = o.read_corpus(
                data, text=text, text_b=text_b, format=format, encoding=encoding, delimiter=delimiter,
                quoting=quoting, columns=columns,
            )  # fmt: skip
        reference = resolve(model, allow_pickle=allow_pickle)
        found = diagnose(load(reference, device=device, dtype=compute, device_map=device_map), corpus)
        size = words or (len(corpus.words) if corpus is not None else 100_000)
        table = Table.grid(padding=(0, 2))
        lines = {
            "model": f"{reference.spec} ({reference.kind})",
            "architecture": f"{found.architecture}, {found.parameters:,} parameters",
            "adapter": described(reference) if reference.kind == "adapter" else None,
            "precision": precision(reference, compute),
            "blocks": found.blocks,
            "layers": f"0 (embeddings) to {found.n_layers}, {found.hidden} wide",
            "sees": "a token only what stands before it (a decoder); the last token has seen the whole sentence"
            if found.causal
            else None,
            "sentences": ("packed, no padding" if found.packed else "batched by equal length, no padding")
            + f"; up to {found.max_length} tokens",
            "coverage": f"{found.covered_words:,} of {found.sample_words:,} sample words, "
            f"{found.subwords_per_word:.2f} sub-words each"
            + (f"; without any: {' '.join(found.uncovered)}" if found.uncovered else ""),
            "weights": reference.weights_sha256[:HASH],
            "tokenizer": reference.tokenizer_sha256[:HASH],
            f"{size:,} words": f"{size_in_words(2 * found.bytes_for(size))} of vectors for a base and a tuned model "
            "like this one, in float32; half in float16",
            "time here": _times(found, size, analyses),
        }
        for name, value in lines.items():
            if value is not None:
                table.add_row(Text(name, style="bold"), Text(value))
        print_table(table)
        odd = [(layer, site) for layer, site in enumerate(found.sites) if site != "same"]
        for layer, site in odd:
            console.print(f"layer {layer}: the block output {site}", markup=False, style="yellow")
        if not odd:
            console.print("every layer is what transformers reports as hidden_states", style="green")


def _times(found: Diagnosis, words: int, analyses: str) -> str:
    from isogloss.analysis import available, choose, listed
    from isogloss.study.estimate import analysis_seconds

    names = [name.strip() for name in analyses.split(",") if name.strip() not in ("", "none")]
    parts = {"reading both models": 2 * found.seconds_for(words)}
    chosen = choose(names)
    for name, analysis in chosen.items():
        parts[name] = analysis_seconds(analysis, found.hidden, found.n_layers, words)
    others = [name for name in available() if name not in parts]
    labelled = [name for name, analysis in chosen.items() if "token labels" in analysis.uses]
    one_label = f"; {listed(labelled)} for one label of words" if labelled else ""
    on_top = listed([*_unmeasured(chosen), "loading the models", "the page"])
    beside = f"; {listed(others)} not estimated, see --analyses" if others and names else ""
    times = ", ".join(f"{name} {duration(seconds)}" for name, seconds in parts.items())
    return (
        f"about {duration(sum(parts.values()))}: {times} (measured on a sample, {found.tokens_per_second:,.0f} "
        f"tokens/s{one_label}; {on_top} come on top{beside})"
    )


def _unmeasured(analyses: Mapping[str, Analysis]) -> list[str]:
    """What is not in an analysis's time: it needs the real model, or the vectors of every layer."""
    from isogloss.analysis import WholeModelAnalysis

    found = []
    for name, analysis in analyses.items():
        asked = ["all layers at once"] * isinstance(analysis, WholeModelAnalysis)
        asked += ["the running classifier"] * ("classifier head" in analysis.uses)
        if asked:
            found.append(f"what {name} asks of {' and of '.join(asked)}")
    return found


def precision(reference: ModelReference, compute: str) -> str:
    """`float32`, or `bfloat16 on disk, float32 here`."""
    from isogloss.models.pretrained import configuration

    carrier = reference.base or reference
    stored = str(getattr(configuration(carrier), "dtype", None) or compute).removeprefix("torch.")
    return compute if stored == compute else f"{stored} on disk, {compute} here"


def duration(seconds: float) -> str:
    """`under 1 s`, `12 s`, `3.4 min`, `2.1 h`."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
