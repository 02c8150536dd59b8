"""When is a turn over: a labelled set of turn ends and of pauses inside turns, and how the product decides them."""
