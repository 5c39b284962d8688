"""How it reaches AWS: change sets, their review, execution and verification.

Reads what is in out/ and params/; never imports what made them.
"""
