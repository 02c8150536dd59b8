"""Turn-taking over SIP and RTP: one run, a table, a picture and the targets."""
