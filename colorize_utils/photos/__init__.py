"""Photos: reading and writing files, sources, filters, the prepared set, batches. Never imports Keras."""
