"""Small valid files of every text format that isogloss reads, by format."""

from __future__ import annotations


def _rows(*rows: str) -> str:
    """Columns written with spaces, parted by tabs."""
    return "".join("\t".join(row.split()) + "\n" for row in rows)


CSV = (
    "id,split,text,text_b,label,score\n1,train,A good film.,It was good.,pos,0.5\n"
    '2,train,"A bad, bad ""film"".",It was not.,neg,1.5\n3,test,"Two\nlines, שלום 👩‍👩‍👧",Neither.,pos,2\n'
    "4,test,Don't.,Do not.,neg,0.25\n"
)
TSV = (
    "id\tsplit\ttext\ttext_b\tlabel\tscore\n1\ttrain\tA good film.\tIt was good.\tpos\t0.5\n"
    '2\ttrain\tA "bad" film.\tIt was not.\tneg\t1.5\n3\ttest\tNaïve café.\tNeither.\tpos\t2\n'
)
JSONL = (
    '{"text": "A good film.", "text_b": "It was.", "label": 1, "score": 0.5, "id": "a", "split": "train"}\n'
    '{"text": "A bad film.", "text_b": null, "label": 0, "score": 1, "id": "b", "split": "test", "more": {"x": []}}\n'
    '{"text": "caf\\u00e9 \\ud83d\\ude00", "label": true, "score": -2.5}\n'
)
WORDS_JSONL = (
    '{"text": ["A", "good", "film"], "tags": ["D", "J", "N"], "label": "pos"}\n'
    '{"text": ["Bad", "film"], "tags": ["J", "N"], "label": "neg"}\n{"text": [], "tags": [], "label": "neg"}\n'
)
JSON = "[" + ",\n ".join(JSONL.splitlines()) + "]\n"
CONLLU = (
    "# sent_id = a\n# text = The dog didn't see two cats.\n"
    + _rows(
        "1 The the DET DT Definite=Def 2 det _ _",
        "2 dog dog NOUN NN Number=Sing 5 nsubj _ _",
        "3-4 didn't _ _ _ _ _ _ _ _",
        "3 did do AUX VBD Mood=Ind|Tense=Past|VerbForm=Fin 5 aux _ _",
        "4 n't not PART RB Polarity=Neg 5 advmod _ _",
        "5 see see VERB VB VerbForm=Inf 0 root _ _",
        "5.1 _ _ _ _ _ _ _ 5:x _",
        "6 two two NUM CD NumType=Card 7 nummod _ _",
        "7 cats cat NOUN NNS Number=Plur 5 obj _ SpaceAfter=No",
        "8 . . PUNCT . _ 5 punct _ _",
    )
    + "\n# sent_id = b\n"
    + _rows("1 Dogs dog NOUN NNS Number=Plur 2 nsubj _ _", "2 bark bark VERB VBP Tense=Pres|VerbForm=Fin 0 root _ _")
    + "\n"
)
CONLLULEX = (
    "# sent_id = a\n# text = Dogs of war bark.\n"
    + _rows(
        "1 Dogs dog NOUN NNS Number=Plur 4 nsubj _ _ _ N dog n.ANIMAL _ _ _ _ O-N-n.ANIMAL",
        "2 of of ADP IN _ 3 case _ _ _ P of p.Gestalt p.Gestalt _ _ _ O-P-p.Gestalt",
        "3 war war NOUN NN Number=Sing 1 nmod _ _ 1:1 N war n.EVENT _ _ _ _ O-N-n.EVENT",
        "4 bark bark VERB VBP Tense=Pres 0 root _ SpaceAfter=No 1:2 V bark v.body _ _ _ _ O-V-v.body",
        "5 . . PUNCT . _ 4 punct _ _ _ PUNCT . _ _ _ _ _ O-PUNCT",
    )
    + "\n"
)
COLUMNS = (
    "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\ncall NN I-NP O\n. . O O\n\n"
    "Peter NNP B-NP B-PER\nBlackburn NNP I-NP I-PER\n"
)
PMB = (
    "# newdoc id = p1\n# raw sent = Tom's in New York.\n"
    + _rows("Tom x male PER NP male.n.02 []", "'s x be NOW V be.v.01 [Theme,Location]")
    + "in\tx\tin\tREL\tPP\tO\t[]\nNew~York\tx\tnew~york\tGPE\tNP\tcity.n.01\t[]\n.\tx\t\tNIL\t.\tO\t[]\n"
    "# newdoc id = p2\n# raw sent = He left.\nHe\tx\tmale\tPRO\tNP\tmale.n.02\t[Agent]\nleft\tx\tleave\tPST\tV\tO\t[]\n"
)
TREC = "DESC:manner How did serfdom develop ?\nENTY:cremat What films featured Popeye ?\nHUM:ind Who was Galileo ?\n"
EMPATH = "animal\tdog\tcat\thors*\nweather\train\tsun\tsnow*\n"
LIWC = "%\n1\tposemo (Positive Emotions)\n2\tverb\n%\nlike\t(02 134)125/464 1 2\ndog*\t2\n:)\t1\nkind of\t1\n"
LEXICON = '{"animal": ["dog", "cat", "hors*"], "weather": ["rain", "sun"]}\n'
WORD_LABELS = "sent_id\ttoken_ids\ttokens\tsupersense\tfunction\na\t2\tdog\tn.ANIMAL\t_\na\t1,2\tThe dog\tn.X\tf\n"
FREQUENCIES = "Word\tFREQcount\tLg10WF\ndog\t120\t2.1\nthe\t1500000\t6.2\nfilm\t14\t1.2\n"
FREQUENCIES_CSV = 'Word,FREQcount,Lg10WF\ndog,120,2.1\n"the",1500000,6.2\nfilm,14,1.2\n'
WORDNET = (
    "  1 This software and database is being provided to you\n"
    "00001740 05 n 02 dog 0 domestic_dog 0 003 @ 00002098 n 0000 | an animal\n"
    "00001930 29 v 01 film(a) 1 000 | to see\n"
)
EXCEPTIONS = "geese goose\nmice mouse\nwent go\n"
