"""Exact Ward clustering of many high-dimensional vectors: one tree, every number of clusters."""

from isogloss.numerics.ward.dendrogram import cut
from isogloss.numerics.ward.estimator import WardClustering
from isogloss.numerics.ward.linkage import Compute, ward_linkage

__all__ = ["Compute", "WardClustering", "cut", "ward_linkage"]
