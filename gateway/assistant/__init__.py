"""The assistant: who answers a call, and how. One file a part, with the names of Vapi's schema."""
