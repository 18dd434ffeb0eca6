"""Templates of Coder: files become an archive, the archive a version, and a version that was built becomes active."""
