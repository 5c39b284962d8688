"""What runs: verified, tried by one message, compared with what was deployed."""
