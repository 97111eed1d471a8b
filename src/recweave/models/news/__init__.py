"""Networks that read news: NRMS, NAML and LSTUR, with popularity-aware negatives (POPK)."""
