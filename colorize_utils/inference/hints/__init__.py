"""Colors that a person gives: as `given`, how far they `reach`, spread by `levin`, as a `layer` over the model's."""
