"""What a person or a CronJob runs around `pulumi`: locks, exit codes, log lines. Imports `rotation` only."""
