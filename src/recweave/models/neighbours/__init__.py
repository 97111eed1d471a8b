"""Neighbours: UserCF and ItemCF for ratings, UserKNN and ItemKNN for lists."""
