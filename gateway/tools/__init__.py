"""What a model may do besides speaking: one file per type of tool.

A live call, a chat and `parley tool test` use the same code.
"""
