"""Recommenders with a language model in them."""
