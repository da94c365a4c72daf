"""Training: recipes, steps, the loop, and checkpoints. Stands on `color`, `photos` and `networks`."""
