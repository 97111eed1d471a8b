"""Click models: the probability that a user likes or clicks an item."""
