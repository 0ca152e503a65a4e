"""What is generated for readers."""
