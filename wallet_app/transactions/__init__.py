"""Money moves: one pipeline, and one file of pure decisions for each kind of move."""
