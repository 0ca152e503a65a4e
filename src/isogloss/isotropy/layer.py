"""One layer of both models: every table that needs its vectors."""

from __future__ import annotations

from dataclasses import replace

from isogloss.analysis import LayerPair, Tables, Vectors, tidy
from isogloss.analysis.layer_choice import last_layer
from isogloss.analysis.notes import notes_table
from isogloss.analysis.stacked import sentence_vectors
from isogloss.analysis.tables import FEWEST_SENTENCES
from isogloss.errors import NotFiniteError, OptionError
from isogloss.isotropy.carrying import carrying_tables
from isogloss.isotropy.judges import Judges
from isogloss.isotropy.local_rows import Words, cluster_table, context_rows
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape_rows import rogue_table, shape_notes, shape_rows, shapes_of, spectrum_table
from isogloss.isotropy.word_map import map_tables


def isotropy_layer(pair: LayerPair, options: IsotropyOptions) -> Tables:
    """Tables of one layer; of one model alone where the other lacks the layer.

    Raises
    ------
    OptionError : vectors hold NaN or infinity, do not belong to the words, or a label is asked for that there is not.
    """
    models: dict[str, Vectors] = {
        model: vectors for model, vectors in (("base", pair.base), ("tuned", pair.tuned)) if vectors is not None
    }
    n = pair.words.height
    for model, vectors in models.items():
        if vectors.shape[0] != n:
            raise OptionError(f"layer {pair.layer}: the {model} model has {vectors.shape[0]} vectors, {n} words")
    try:
        return _tables(pair, models, options)
    except NotFiniteError as error:
        raise NotFiniteError(f"layer {pair.layer}: {error}") from error


def _tables(pair: LayerPair, models: dict[str, Vectors], options: IsotropyOptions) -> Tables:
    words = Words.of(pair)
    few = words.n_groups < FEWEST_SENTENCES and options.bootstrap > 0
    options = replace(options, bootstrap=0) if few else options
    with_sentences = options.sentence_vectors and words.n_groups > 1
    means = {model: sentence_vectors(pair, vectors) for model, vectors in models.items()} if with_sentences else {}
    shapes = {
        model: shapes_of(vectors, means.get(model), words.groups, options, pair.seed)
        for model, vectors in models.items()
    }
    notes: list[tuple[int | None, str]] = [(pair.layer, note) for note in shape_notes(shapes)]
    if few:
        notes.append((None, f"{words.n_groups} sentences: without {FEWEST_SENTENCES} there are no intervals."))
    rows = shape_rows(shapes)
    around, said = context_rows(models, means, words, options, pair.seed)
    rows += around
    notes += [(pair.layer, f"{note}.") for note in said]
    common = {"analysis": "isotropy", "layer": pair.layer, "seed": pair.tuned_index}
    tables: Tables = {
        "isotropy": tidy(common | row for row in rows),
        "isotropy_spectrum": spectrum_table(shapes, pair),
        "isotropy_rogue": rogue_table(shapes, pair),
    }
    if options.local and pair.words.height > 1:
        tables["isotropy_clusters"], said = cluster_table(
            models, words, options, pair.layer, pair.tuned_index, pair.seed
        )
        notes += [(None, note) for note in said]
    if options.carried_at(pair.layer, last_layer(pair, pair.layer)):
        judges = Judges.of(pair, options)
        carried, said = carrying_tables(judges)
        tables |= carried
        notes += [(None, note) for note in dict.fromkeys([*judges.notes, *said])]
    if options.map_words:
        tables |= map_tables(pair, words, options)
    return tables | {"isotropy_notes": notes_table(notes)}
