"""What networks share: one training loop, losses, item vectors, blocks; no family is known here.

Recipes are importable without torch: `settings`, `validation` and `resume` do not need it; the rest
is imported by `fit` alone.
"""
