"""Probing: where, and in which neurons, labels can be read before and after fine-tuning."""
