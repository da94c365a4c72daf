"""Measuring: figures (`metrics`, `frechet`, `classifier`), the report (`report`) and pictures to look at (`sheets`)."""
