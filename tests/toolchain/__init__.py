"""How tools come to a machine: found, downloaded, built, cached whole or not at all."""
