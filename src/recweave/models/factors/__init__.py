"""Low-rank and linear models: ALS, BPR, biased matrix factorization, EASE."""
