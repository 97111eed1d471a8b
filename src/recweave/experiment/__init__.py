"""Many fits: a recipe file to a run folder, runs to a comparison, settings to the best."""
