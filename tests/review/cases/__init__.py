"""Changes written before the judging that they test: forty risky ones and forty harmless ones."""
