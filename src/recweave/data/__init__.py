"""Files to tables to numbers: Dataset, Interactions, Split; readers, checks, a synthetic shop."""
