"""`isogloss doctor`: what isogloss sees in a model, before a long run."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from isogloss.cli import options as o
from isogloss.cli.console import out as console
from isogloss.cli.console import user_errors


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
    device: o.Device = "auto",
    compute: o.Compute = "float32",
    allow_pickle: o.Pickle = False,
) -> None:
    """Check a model: its blocks and sites, how well words align, and what a corpus would cost in bytes and time."""
    with user_errors():
        from isogloss.activations.diagnosis import diagnose
        from isogloss.models import load, resolve

        corpus = None
        if data:
            corpus = o.read_corpus(
                data, text=text, text_b=text_b, format=format, encoding=encoding, delimiter=delimiter,
                quoting=quoting, columns=columns,
            )  # fmt: skip
        reference = resolve(model, allow_pickle=allow_pickle)
        found = diagnose(load(reference, device=device, dtype=compute), corpus)
        size = words or (len(corpus.words) if corpus is not None else 100_000)
        table = Table.grid(padding=(0, 2))
        lines = {
            "model": f"{reference.spec} ({reference.kind})",
            "architecture": f"{found.architecture}, {found.parameters:,} parameters",
            "blocks": found.blocks,
            "layers": f"0 (embeddings) to {found.n_layers}, {found.hidden} wide",
            "sentences": ("packed, no padding" if found.packed else "batched by equal length, no padding")
            + f"; up to {found.max_length} tokens",
            "coverage": f"{found.covered_words:,} of {found.sample_words:,} sample words, "
            f"{found.subwords_per_word:.2f} sub-words each"
            + (f"; without any: {' '.join(found.uncovered)}" if found.uncovered else ""),
            f"{size:,} words": f"{found.bytes_for(size) / 2**30:.2f} GiB in float32, half in float16; about "
            f"{found.seconds_for(size) / 60:.1f} min here ({found.tokens_per_second:,.0f} tokens/s on the sample)",
            "weights": reference.weights_sha256,
        }
        for name, value in lines.items():
            table.add_row(Text(name, style="bold"), Text(value))
        console.print(table)
        odd = [(layer, site) for layer, site in enumerate(found.sites) if site != "same"]
        for layer, site in odd:
            console.print(f"layer {layer}: the block output {site}", markup=False, style="yellow")
        if not odd:
            console.print("every layer is what transformers reports as hidden_states", style="green")
