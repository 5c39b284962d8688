"""Pictures of runs; matplotlib is imported only here, and late."""
