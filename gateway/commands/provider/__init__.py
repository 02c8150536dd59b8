"""`parley provider …`: what there is, whether it works with the user's keys, and which is the best."""
