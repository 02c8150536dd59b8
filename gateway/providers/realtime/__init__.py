"""OpenAI Realtime: one session that hears, thinks and speaks, in the place of transcriber, model and voice."""
