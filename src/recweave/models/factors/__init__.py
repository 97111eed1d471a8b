"""Low-rank and linear models: ALS, BPR, biased factorisation, EASE."""
