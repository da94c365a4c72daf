"""Measuring: rows of pictures (`rows`), their figures (`measure`, `summary`), the `report`, and `sheets` to look at."""
