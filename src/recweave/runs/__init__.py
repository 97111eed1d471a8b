"""A run on disk: the recipe file, its folder, its summary, what it was made from and where."""
