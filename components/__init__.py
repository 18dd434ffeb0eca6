"""What the stack declares: tokens, and what the cluster sees of them. A component decides nothing about time."""
