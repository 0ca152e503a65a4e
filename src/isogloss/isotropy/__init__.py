"""The shape of the space and what its directions carry. Arrays and labels in, tables and findings out."""
