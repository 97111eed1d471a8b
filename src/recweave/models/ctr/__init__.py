"""Click models (CTR prediction): the probability that a user clicks or likes an item."""
