"""What a reader of the results must know about the material: plain sentences, with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from isogloss.activations import ActivationStore
from isogloss.activations.layers import Layers, absent_layers
from isogloss.analysis import layers
from isogloss.corpus import sentence_fingerprints
from isogloss.models import ModelReference
from isogloss.models.kinship import parent_weights, shared_shapes, task_head, trained_on
from isogloss.study.pairing import PairedStores

LIKELY_KIN = 0.5
"""With fewer weights of the same shape than this, the tuned model hardly came from the base."""


def kept_tasks(names: Sequence[str], members: Sequence[str] = ()) -> str:
    """What is done, from the names of tasks: `similarity layers 0-3; probing layer 0, all layers together`.

    Parameters
    ----------
    members : what the models of a series are called, which are the tuned models 1, 2 ...
    """
    done: dict[str, list[int]] = {}
    together: set[str] = set()
    for name in names:
        analysis, tuned, layer = name.rsplit("-", 2)
        model = members[int(tuned) - 1] if members else f"tuned model {tuned}"
        shown = analysis if tuned == "0" else f"{analysis} ({model})"
        numbers = done.setdefault(shown, [])
        if layer == "all":
            together.add(shown)
        else:
            numbers.append(int(layer))
    return "; ".join(
        f"{name} " + ", ".join([layers(n).lower()] * bool(n) + ["all layers together"] * (name in together))
        for name, n in done.items()
    )


def coverage(model: ModelReference, store: ActivationStore, n_words: int) -> dict[str, Any]:
    """What the manifest says of one model: where it came from, its shape, and how many words it covers."""
    facts = store.manifest
    return {
        **model.as_dict(),
        "layers": list(store.layers),
        "n_layers": store.n_layers,
        "hidden": store.hidden,
        "site": store.settings.site,
        "pooling": store.settings.pooling,
        "max_length": store.settings.max_length,
        "packed": store.settings.packed,
        "tokens": facts["n_tokens"],
        "covered_words": facts["n_words"],
        "coverage": facts["n_words"] / n_words if n_words else 0.0,
    }


def notes_on(pairs: Sequence[PairedStores], n_words: int, names: Sequence[str] = ()) -> list[str]:
    """Dropped words, cut sentences, and what the two models do not share.

    Parameters
    ----------
    names : of the tuned models, as a sentence begins with them; "The tuned model" or "Tuned model 0" if not given.
    """
    base = pairs[0].base
    found = store_notes("The base model", base, n_words)
    if base.settings.pairs == "separate":
        found.append(
            "The two texts of each pair were run by themselves; where the tuned model's classifier is asked, it reads "
            "them together."
        )
    for name, pair in zip(names or _names(len(pairs)), pairs, strict=True):
        found += store_notes(name, pair.tuned, n_words)
        if pair.tuned.settings.tokenizer_sha256 != base.settings.tokenizer_sha256:
            found.append(
                f"{name} has another tokenizer than the base model; words are compared by their characters, "
                f"{len(pair.words):,} of {n_words:,} are covered by both."
            )
        if pair.tuned.hidden != base.hidden:
            found.append(
                f"{name} has {pair.tuned.hidden}-wide vectors, the base model {base.hidden}-wide ones: measures that "
                "compare a word's two vectors directly (cosine) are left out."
            )
        if pair.tuned.n_layers != base.n_layers:
            found.append(
                f"{name} has {pair.tuned.n_layers} blocks, the base model {base.n_layers}: layers are compared by "
                "number as far as both have them; a layer by layer map, where an analysis draws one, shows all."
            )
        if not set(pair.tuned.layers) & set(base.layers):
            found.append(
                f"{name} and the base model have no layer number in common among those chosen: only layer by "
                "layer maps compare them."
            )
        if pair.tuned.settings.weights_sha256 == base.settings.weights_sha256:
            found.append(f"{name} has the same weights as the base model.")
    return list(dict.fromkeys(found))


def absent_notes(wanted: Layers, pairs: Sequence[PairedStores]) -> list[str]:
    """Which of the layers that were asked for a model does not have."""
    base = pairs[0].base
    models = [("The base model", base)]
    models += [(name, pair.tuned) for name, pair in zip(_names(len(pairs)), pairs, strict=True)]
    missing = [(name, store.n_layers, absent_layers(wanted, store.n_layers)) for name, store in models]
    if len({n for _, n, _ in missing}) == 1:
        missing = [("Each model", *missing[0][1:])]
    return [
        f"{name} has layers 0 to {n}: {layers(absent).lower()}, asked for, "
        f"{'is' if len(absent) == 1 else 'are'} left out."
        for name, n, absent in missing
        if absent
    ]


def kinship_notes(
    base: ModelReference, tuned: Sequence[ModelReference], sentences: pl.DataFrame, names: Sequence[str] = ()
) -> list[str]:
    """Whether the models are what they are called, and whether the sentences are those that were learnt."""
    found = []
    for name, model in zip(names or _names(len(tuned)), tuned, strict=True):
        found += _parentage(name, base, model)
        if (seen := trained_on(model)) is not None:
            known = int(np.isin(sentence_fingerprints(sentences), seen).sum())
            if known:
                found.append(
                    f"{name} was fine-tuned on {known:,} of the {len(sentences):,} sentences compared here: what it "
                    "shows on them is partly memory; compare on sentences it has not seen."
                )
    return found


def _names(n: int) -> list[str]:
    return ["The tuned model"] if n == 1 else [f"Tuned model {index}" for index in range(n)]


def _within(name: str) -> str:
    """A name that begins a sentence, as it is inside one."""
    return name[0].lower() + name[1:]


def _parentage(name: str, base: ModelReference, tuned: ModelReference) -> list[str]:
    if tuned.weights_sha256 == base.weights_sha256:
        return []
    within = _within(name)
    parent = parent_weights(tuned)
    if parent is not None and parent == base.weights_sha256:
        return []
    if parent_weights(base) == tuned.weights_sha256:
        return [f"The base model was fine-tuned from {within}: the two are swapped."]
    if parent is not None:
        return [f"{name} says it was fine-tuned from another model ({parent[:12]}) than the base model."]
    if (head := task_head(base)) is not None and tuned.kind != "adapter" and task_head(tuned) is None:
        return [f"The base model has a task's head ({head}) and {within} has none: are they swapped?"]
    shared = shared_shapes(base, tuned)
    if shared is not None and shared < LIKELY_KIN:
        return [
            f"Only {shared:.0%} of the weights of {within} and the base model have the same shapes: was the one "
            "fine-tuned from the other?"
        ]
    return []


def store_notes(name: str, store: ActivationStore, n_words: int) -> list[str]:
    """Split sentences, words that were cut, and words without sub-words, of one model."""
    facts = store.manifest
    within = _within(name)
    found = []
    if facts.get("blind_cls") and "cls" not in store.settings.sentence_vectors:
        # The same words for every model of a run: told once.
        found.append(
            "In a decoder a token sees only what stands before it: the vector of a word knows nothing of later words. "
            "The first token (cls) sees nothing, so its vector is not stored; the last one (last) has seen all."
        )
    if facts["split_sentences"]:
        # Pairs that are one sequence cannot be split: each window would have lost the other text.
        joint = store.settings.pairs == "joint" and "text_b" in store.sentences.columns
        whole = store.settings.long_sentences == "split" and not joint
        one = facts["split_sentences"] == 1
        how = f"{'was' if one else 'were'} {'split between words' if whole else 'cut'}"
        found.append(
            f"{facts['split_sentences']:,} {'sentence is' if one else 'sentences are'} longer than the "
            f"{store.settings.max_length} tokens {within} can take; {'it' if one else 'they'} {how}."
        )
    if facts["cut_words"]:
        found.append(f"{name} does not see {facts['cut_words']:,} words in full: they lie beyond its limit.")
    # Words that were cut off are counted above: they would have sub-words.
    without = facts["uncovered_words"] - facts["cut_words"]
    if without > 0:
        share = without / n_words
        found.append(
            f"{name} has no sub-word for {without:,} of {n_words:,} words ({share:.1%}); "
            "they are left out, not filled in."
        )
    return found
