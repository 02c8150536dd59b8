"""Whole conversations in virtual time, around the real turn machine.

A simulated caller speaks, falls silent, talks over the agent, coughs, presses keys, is put on hold and hangs up
(`caller`). What it does is heard by a simulated ear, with a detector's delays and a transcriber's mistakes (`hearing`).
A simulated worker carries out the machine's commands with a model, a voice and tools that are slow or fail (`worker`).
A simulated gateway plays what comes, with the real playout and the real rules for pauses (`gateway`). Time jumps from
one event to the next (`schedule`). A referee sees everything, and knows what was really said and really sent
(`referee`).

One seed is one conversation: `converse(seed)` of `conversation` is the door.
"""
