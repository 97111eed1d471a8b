"""Graph models: convolutions on the bipartite graph of users and items."""
