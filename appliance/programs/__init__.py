"""What supervisord runs: wiring only, each readable in one screen."""
