"""The move of a call to another worker."""
