"""Plans the study of a billion words with models of 70 billion parameters, from a configuration alone.

python -m benchmarks.scaling

The page docs/scaling.md is made from what this leaves. Analyses are timed here on made-up vectors of narrow models; see
`isogloss.study.costs`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import transformers

import isogloss as ig
from benchmarks.common import SHARED, save

MODEL = {
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "intermediate_size": 28672,
    "vocab_size": 128256,
    "architectures": ["LlamaForCausalLM"],
    "dtype": "bfloat16",
}
CLUSTER = (
    "nodes=16,gpus=8,gpu_memory=192GiB,gpu_tflops=1000,utilisation=0.35,cores=128,memory=2TiB,disk=1PB,"
    "disk_bandwidth=10GB/s"
)
SETTINGS: dict[str, dict[str, Any]] = {
    "all layers, float32": {"words": 1e9},
    "all layers, float16": {"words": 1e9, "dtype": "float16"},
    "9 layers, float16": {"words": 1e9, "dtype": "float16", "layers": "0,10,20,30,40,50,60,70,80"},
    "9 layers, float16, no sentence vectors": {
        "words": 1e9,
        "dtype": "float16",
        "layers": "0,10,20,30,40,50,60,70,80",
        "sentence_vectors": (),
    },
    "9 layers, float16, 10 million words": {
        "words": 1e7,
        "dtype": "float16",
        "layers": "0,10,20,30,40,50,60,70,80",
    },
}
ANALYSES = ["similarity", "isotropy"]
"""Those that read the words in passes."""
OPTIONS = {"similarity": {"map_words": 100_000}}
"""Of what follows the words, the layer x layer map alone reads all of them once per pair of layers."""


def main() -> None:
    """Plan every setting; analyses are tried once for all."""
    corpus = ig.Corpus.read(next((SHARED / "ud-ewt").glob("*train*.conllu")), label=["upos"])
    with tempfile.TemporaryDirectory(prefix="isogloss-bench-") as home:
        transformers.LlamaConfig(**MODEL).save_pretrained(Path(home))
        plans = {
            name: ig.plan(
                home, home, corpus, ANALYSES, options=OPTIONS, machine=CLUSTER, compute="bfloat16", **setting
            ).as_dict()
            for name, setting in SETTINGS.items()
        }
    for plan in plans.values():
        for model in plan["models"]:
            model["model"] = "a Llama of 80 layers"
    save("scaling", {"machine_described": CLUSTER, "text": "UD English-EWT", "options": OPTIONS, "plans": plans})


if __name__ == "__main__":
    main()
