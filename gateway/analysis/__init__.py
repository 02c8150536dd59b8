"""What is found out after a call: its summary, its data, and whether it did what it was for."""
