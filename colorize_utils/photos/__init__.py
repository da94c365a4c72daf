"""Photographs as files: reading and writing them, with all that they carry. Never imports Keras."""
