"""What a specification is made of: small frozen classes, one file for one idea."""
