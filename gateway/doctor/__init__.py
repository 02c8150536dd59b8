"""`parley doctor`: what keeps calls from working, in plain words, and what to change.

Each area has two modules: one that judges facts (pure, named for its subject) and one that gathers them (`…_probe`).
`examination` runs them one after the other.
"""
