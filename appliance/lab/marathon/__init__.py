"""An embedded Marathon and Mesos master: real HTTP, real event stream, real task processes.

::

    web ─► master ─► api ─► changes ─► scheduler ─► launcher ─► task processes on the agents
    (HTTP)   │ (leader)                 │  ▲          └─ health asks them
             ├► proxy, 302 (standby)    │  └ rolling, placement: pure decisions
             └► stream ◄─── bus ◄─ events ◄┘
    election: who leads       faults: what goes wrong, anywhere on this picture
    control: `/_lab/…`, what a tester does to it

`server.Marathon` puts them together, for a test (`with Marathon() as marathon: …`) or for
`python -m appliance.lab.marathon --config FILE`.
"""
