"""The logic of a conversation: pure, no clock, no socket. `TurnMachine` is its heart, `states` tells its rules."""
