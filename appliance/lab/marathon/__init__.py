"""An embedded Marathon and Mesos master: real HTTP, real event stream, real task processes.

::

    web ─► api ─► changes ─► scheduler ─► launcher ─► task processes on the agents
    (HTTP)                      │  ▲          └─ health asks them
    stream ◄─── bus ◄─ events ◄─┘  └ rolling, placement: pure decisions

`server.Marathon` puts them together, for a test (`with Marathon() as marathon: …`) or for
`python -m appliance.lab.marathon --config FILE`.
"""
