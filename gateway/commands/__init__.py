"""What the commands of `parley` do; `gateway.cli` says what they are called and take."""
