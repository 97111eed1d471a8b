"""What all neural networks share: the training loop, losses, item embeddings and layers.

Nothing here imports a model family. `settings` and `validation` work without torch, so recipes can
be imported without it; the other modules are imported by trainers only.
"""
