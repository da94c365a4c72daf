"""Training: recipes, steps, the loop, and checkpoints. Stands on `color`, `data` and `networks`."""
