"""What two unrelated folders want: errors, values, registries, progress, memory, settings."""
