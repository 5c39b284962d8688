"""What two templates say without AWS: values resolved, changes and replacements predicted."""
