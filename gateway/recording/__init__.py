"""What is kept of the sound of a call, for how long, and where."""
