"""The language-model re-ranker (PALR): a history in words, and which candidates would follow it."""
