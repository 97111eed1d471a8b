"""`recweave auto`: from data and a time budget to a recipe, a report and a bundle."""
