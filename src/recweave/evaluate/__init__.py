"""Lists and predictions against held-out events: numbers, intervals, slices, plots."""
