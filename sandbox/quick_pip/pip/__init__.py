"""Answers the one question that Pulumi's Python host asks pip before each command, in a tenth of the time.

The host lists all installed packages to find which of them bring plugins. With this folder's parent on PYTHONPATH,
`python -m pip list -v --format json` reads the names of the installed packages' folders; for anything else the real pip
is run. Only the sandbox and the tests do so: hundreds of commands wait for it.
"""
