"""The vision re-ranker: what users like and dislike to see moves items of their lists."""
