"""The flagship: words, graphs and sequences of several behaviours in one model."""
