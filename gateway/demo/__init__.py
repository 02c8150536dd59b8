"""What the demo assistant needs beside Parley: a shop's order service."""
