"""How out/ is made: specifications in, linted and written files out. No AWS, no network."""
