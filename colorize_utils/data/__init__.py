"""Photographs as training material: sources, filters, the prepared set, batches. Never imports Keras."""
