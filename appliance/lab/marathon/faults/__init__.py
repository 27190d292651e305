"""Everything that goes wrong between Marathon and its clients, to be switched on and off.

::

    kind ─► Kind (one function of answers | bodies | content | frames | streams | clusters)
      └ injected as Fault (how often, for whom, with which options), kept by registry.Faults

`table.KINDS` is the list of all of them: what the commands and the documentation print.
"""
