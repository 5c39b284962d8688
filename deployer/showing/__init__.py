"""A review for people: one set of words, and a pure function for each format."""
