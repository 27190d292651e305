"""The page for people: what all nodes, HAProxy and the history say, as HTML that follows by itself."""
