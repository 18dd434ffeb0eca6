"""The real External Secrets controller, with the manifests that the stack makes. Deep tests only."""
