"""How fast, how often, how large: figures that documents quote, measured by one command each. Nothing imports this.

`verification` is the rate of checks and what the verifier holds in memory; `operator_fleet` bootstraps and rotates many
namespaces on a real kube-apiserver.
"""
