"""Sentences, words, token labels and sentence labels; readers, annotators, lexicons and occurrence filters."""

from isogloss.corpus.annotators import (
    ANNOTATORS,
    Annotator,
    Casing,
    CharacterNgrams,
    FrequencyBand,
    Position,
    Prefix,
    Suffix,
    Tense,
    WordClass,
    by_type,
)
from isogloss.corpus.bigram_shift import BigramShift
from isogloss.corpus.corpus import Corpus
from isogloss.corpus.fingerprint import sentence_fingerprints
from isogloss.corpus.labels import explode_label
from isogloss.corpus.lexicon import Lexicon, lexicon, read_lexicon
from isogloss.corpus.readers import FORMATS
from isogloss.corpus.sentence_tasks import (
    SENTENCE_TASKS,
    Length,
    MainTense,
    ObjectNumber,
    SentenceTask,
    SubjectNumber,
    TreeDepth,
    WordContent,
)
from isogloss.corpus.standoff import read_word_labels
from isogloss.corpus.word_lists import FUNCTION_WORDS, PREFIXES, SUFFIXES
from isogloss.corpus.wordnet import Supersenses, read_wordnet_supersenses
from isogloss.corpus.words import split_words

__all__ = [
    "ANNOTATORS",
    "FORMATS",
    "FUNCTION_WORDS",
    "PREFIXES",
    "SENTENCE_TASKS",
    "SUFFIXES",
    "Annotator",
    "BigramShift",
    "Casing",
    "CharacterNgrams",
    "Corpus",
    "FrequencyBand",
    "Length",
    "Lexicon",
    "MainTense",
    "ObjectNumber",
    "Position",
    "Prefix",
    "SentenceTask",
    "SubjectNumber",
    "Suffix",
    "Supersenses",
    "Tense",
    "TreeDepth",
    "WordClass",
    "WordContent",
    "by_type",
    "explode_label",
    "lexicon",
    "read_lexicon",
    "read_word_labels",
    "read_wordnet_supersenses",
    "sentence_fingerprints",
    "split_words",
]
