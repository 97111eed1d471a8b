"""What networks share: one training loop, losses, item vectors, blocks; no family is known here.

Recipes are importable without torch: `settings` and `validation` do not need it; the rest
is imported by trainers alone.
"""
