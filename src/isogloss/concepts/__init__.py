"""Which latent concepts does each layer hold, which survive fine-tuning, which are born for it? Measures of concepts.

Clusters, words and labels in, tables out; knows nothing of transformers or of HTML.
"""
