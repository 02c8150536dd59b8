"""What a call's events amount to: Vapi's Call, its artifact, and the messages to servers and clients. Pure."""
