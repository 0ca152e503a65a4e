"""How far did each layer move? Similarity of two spaces that hold the same words.

Arrays and labels in, tables and findings out; knows nothing of transformers or of HTML.
"""

from isogloss.similarity.analysis import SimilarityAnalysis
from isogloss.similarity.cka import cka_from_moments, linear_cka
from isogloss.similarity.cosine import word_cosine
from isogloss.similarity.options import SimilarityOptions
from isogloss.similarity.procrustes import procrustes_distance, procrustes_from_moments, procrustes_rotation
from isogloss.similarity.spatial import spatial_similarity

__all__ = [
    "SimilarityAnalysis",
    "SimilarityOptions",
    "cka_from_moments",
    "linear_cka",
    "procrustes_distance",
    "procrustes_from_moments",
    "procrustes_rotation",
    "spatial_similarity",
    "word_cosine",
]
