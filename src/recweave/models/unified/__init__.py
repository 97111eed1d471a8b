"""The unified model: text, graphs and sequences of several behaviours in one network."""
