"""The verbs that Pulumi's engine calls: check, diff, create, update, read, delete. They wire `rotation` to the engine.

Names of modules and classes here stand in stored states: renaming one is a breaking change. Provider objects carry no
state; what a run knows is in `state`, filled once per process.
"""
