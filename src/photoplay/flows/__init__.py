"""The verbs: one file, one story. Decide in `domain/`, then one effect here."""
