"""A dialogue over the same models: what somebody wishes, as conditions, likes and free words."""
