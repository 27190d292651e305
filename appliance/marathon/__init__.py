"""Where applications come from: Marathon's REST API and event stream."""
