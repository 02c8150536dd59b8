"""What calls send and receive, collected from the stack for those who keep it."""
