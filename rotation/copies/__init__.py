"""Published copies as their consumers read them: one file per kind of place. Nothing here writes or judges."""
