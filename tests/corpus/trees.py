"""Small dependency trees with known answers, and a file of them."""

from __future__ import annotations

# word, upos, xpos, feats, head, deprel
Row = tuple[str, str, str, str, int, str]

PAST = "Mood=Ind|Tense=Past|VerbForm=Fin"
PRESENT = "Mood=Ind|Tense=Pres|VerbForm=Fin"

SENTENCES: dict[str, list[Row]] = {
    # past by its root; the subject in the singular, the object in the plural
    "barked": [
        ("The", "DET", "DT", "_", 2, "det"),
        ("dog", "NOUN", "NN", "Number=Sing", 3, "nsubj"),
        ("chased", "VERB", "VBD", PAST, 0, "root"),
        ("two", "NUM", "CD", "NumType=Card", 6, "nummod"),
        ("big", "ADJ", "JJ", "_", 6, "amod"),
        ("cats", "NOUN", "NNS", "Number=Plur", 3, "obj"),
        (".", "PUNCT", ".", "_", 3, "punct"),
    ],
    # present by its auxiliary: the root is a past participle; a passive subject in the plural
    "are_tied": [
        ("Dogs", "NOUN", "NNS", "Number=Plur", 3, "nsubj:pass"),
        ("are", "AUX", "VBP", PRESENT, 3, "aux:pass"),
        ("tied", "VERB", "VBN", "Tense=Past|VerbForm=Part|Voice=Pass", 0, "root"),
    ],
    # past by its copula; the subject is a pronoun, which is no noun, and one of a clause further down is
    "was_glad": [
        ("She", "PRON", "PRP", "Number=Sing|Person=3", 3, "nsubj"),
        ("was", "AUX", "VBD", PAST, 3, "cop"),
        ("glad", "ADJ", "JJ", "_", 0, "root"),
        ("that", "SCONJ", "IN", "_", 6, "mark"),
        ("trains", "NOUN", "NNS", "Number=Plur", 6, "nsubj"),
        ("run", "VERB", "VBP", PRESENT, 3, "ccomp"),
    ],
    # a modal has no tense; a noun that only has a plural
    "may_see": [
        ("I", "PRON", "PRP", "Number=Sing|Person=1", 3, "nsubj"),
        ("may", "AUX", "MD", "VerbForm=Fin", 3, "aux"),
        ("see", "VERB", "VB", "VerbForm=Inf", 0, "root"),
        ("scissors", "NOUN", "NNS", "Number=Ptan", 3, "obj"),
    ],
    # no verb at all
    "title": [("Contents", "NOUN", "NNS", "Number=Plur", 0, "root")],
}


def conllu(sentences: list[list[Row]]) -> str:
    """The text of a CoNLL-U file."""
    blocks = []
    for rows in sentences:
        lines = [f"# text = {' '.join(row[0] for row in rows)}"]
        for number, (word, upos, xpos, feats, head, deprel) in enumerate(rows, start=1):
            lines.append("\t".join([str(number), word, word.lower(), upos, xpos, feats, str(head), deprel, "_", "_"]))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n\n"
