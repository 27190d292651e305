"""From `--vip` to a running node: look, plan, show, apply."""
