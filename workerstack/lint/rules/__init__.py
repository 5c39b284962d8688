"""The rules that cfn-lint appends: each check of the table as one of its rules."""
