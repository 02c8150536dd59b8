"""A transfer in which Parley dials the human itself: the second leg, its life, and where the caller is meanwhile."""
